import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { BUFFER, DATA_STATUS, HEADERS_STATUS, MAP, STATUS, STREAM, TRAILERS_STATUS } from '../abi/constants.ts'
import { httpAttribute } from '../attributes/http-attributes.ts'
import type { AttributeValue } from '../attributes/value.ts'
import type { FilterState, HttpStreamHost } from '../host.ts'
import { Context } from './context.ts'
import type { RootContext } from './root-context.ts'

const EMPTY = new Uint8Array()

/** Bits of `#stopped`: directions in which the plugin has stopped its stream. */
const REQUEST = 1
const RESPONSE = 2

/**
 * One HTTP stream of a plugin. The embedder calls the `on…` methods in the order in which things happen and acts on the status
 * they return, Envoy's numbers. After `onDelete` nothing reaches the module; after a failure the policy decides.
 */
export class HttpContext extends Context {
  readonly stream: HttpStreamHost
  readonly #root: RootContext
  #created = false
  /** The request has come as far as to this plugin; else nothing of the stream is its affair but the log (Envoy). */
  #begun = false
  #deleted = false
  /** A local reply was asked for and is not on its way yet; the first of a callback wins. */
  #replying = false
  /** Directions that stay stopped because the plugin answered from one of their callbacks. */
  #answered = 0
  /** The direction whose callback runs. */
  #phase = 0
  /** A reply, the plugin's or the one for its failure, is on its way: it must not be held up, and there can be no other. */
  #delivered = false
  #stopped = 0
  #logging = false
  /** The running callback asked to go on, and may return a stop all the same. */
  #resumed = false

  constructor(root: RootContext, stream: HttpStreamHost) {
    super(root.vm.nextContextId(), root.vm, root.plugin)
    this.#root = root
    this.stream = stream
  }

  override get root(): RootContext {
    return this.#root
  }

  onRequestHeaders(endOfStream: boolean): number {
    this.#begun = true
    if (!this.#ready(REQUEST)) return this.#afterHeaders(REQUEST, 0)
    const headers = this.stream.requestHeaders
    const fn = this.vm.guest.proxy_on_request_headers
    const action =
      fn === undefined
        ? 0
        : this.vm.call3(this, 'proxy_on_request_headers', fn, this.id, headers?.size ?? 0, endOfStream ? 1 : 0)
    if (!endOfStream && this.#mayEdit) this.#forgetLength(headers, this.vm.guest.proxy_on_request_body)
    return this.#afterHeaders(REQUEST, action)
  }

  onResponseHeaders(endOfStream: boolean): number {
    if (!this.#begun) return HEADERS_STATUS.continue
    if (!this.#ready(RESPONSE)) return this.#afterHeaders(RESPONSE, 0)
    const headers = this.stream.responseHeaders
    const fn = this.vm.guest.proxy_on_response_headers
    const action =
      fn === undefined
        ? 0
        : this.vm.call3(this, 'proxy_on_response_headers', fn, this.id, headers?.size ?? 0, endOfStream ? 1 : 0)
    if (!endOfStream && this.#mayEdit) this.#forgetLength(headers, this.vm.guest.proxy_on_response_body)
    return this.#afterHeaders(RESPONSE, action)
  }

  /** `size` is what is in hand: the chunk, or all that is held once the plugin has held the body (Envoy). */
  onRequestBody(size: number, endOfStream: boolean): number {
    if (!this.#begun) return DATA_STATUS.continue
    if (!this.#ready(REQUEST)) return this.#afterBody(REQUEST, 0)
    const fn = this.vm.guest.proxy_on_request_body
    if (fn === undefined) return DATA_STATUS.continue
    const action = this.vm.call3(this, 'proxy_on_request_body', fn, this.id, size, endOfStream ? 1 : 0)
    return this.#afterBody(REQUEST, action)
  }

  onResponseBody(size: number, endOfStream: boolean): number {
    if (!this.#begun) return DATA_STATUS.continue
    if (!this.#ready(RESPONSE)) return this.#afterBody(RESPONSE, 0)
    const fn = this.vm.guest.proxy_on_response_body
    if (fn === undefined) return DATA_STATUS.continue
    const action = this.vm.call3(this, 'proxy_on_response_body', fn, this.id, size, endOfStream ? 1 : 0)
    return this.#afterBody(RESPONSE, action)
  }

  onRequestTrailers(): number {
    if (!this.#begun) return TRAILERS_STATUS.continue
    if (!this.#ready(REQUEST)) return this.#afterTrailers(REQUEST, 0)
    const fn = this.vm.guest.proxy_on_request_trailers
    if (fn === undefined) return TRAILERS_STATUS.continue
    const size = this.stream.requestTrailers?.size ?? 0
    return this.#afterTrailers(REQUEST, this.vm.call2(this, 'proxy_on_request_trailers', fn, this.id, size))
  }

  onResponseTrailers(): number {
    if (!this.#begun) return TRAILERS_STATUS.continue
    if (!this.#ready(RESPONSE)) return this.#afterTrailers(RESPONSE, 0)
    const fn = this.vm.guest.proxy_on_response_trailers
    if (fn === undefined) return TRAILERS_STATUS.continue
    const size = this.stream.responseTrailers?.size ?? 0
    return this.#afterTrailers(RESPONSE, this.vm.call2(this, 'proxy_on_response_trailers', fn, this.id, size))
  }

  /** HTTP/2 METADATA; `elements` is the number of entries, of which the ABI shows no more. Whatever is returned, it goes on. */
  onRequestMetadata(elements: number): void {
    if (!this.#begun) return
    if (this.#ready(REQUEST)) {
      const fn = this.vm.guest.proxy_on_request_metadata
      if (fn !== undefined) this.vm.call2(this, 'proxy_on_request_metadata', fn, this.id, elements)
    }
    this.#afterMetadata(REQUEST)
  }

  onResponseMetadata(elements: number): void {
    if (!this.#begun) return
    if (this.#ready(RESPONSE)) {
      const fn = this.vm.guest.proxy_on_response_metadata
      if (fn !== undefined) this.vm.call2(this, 'proxy_on_response_metadata', fn, this.id, elements)
    }
    this.#afterMetadata(RESPONSE)
  }

  /** The stream is over and its numbers are final. Makes the context where no event did (cpp-host). */
  onLog(): void {
    if (this.#deleted || this.vm.failure !== undefined || !this.#ready(0)) return
    const fn = this.vm.guest.proxy_on_log
    this.#logging = true
    if (fn !== undefined) this.vm.call1(this, 'proxy_on_log', fn, this.id)
    this.#logging = false
  }

  /** The module's answer is of no consequence for streams. */
  onDone(): void {
    if (!this.#created || this.#deleted || this.vm.failure !== undefined) return
    const fn = this.vm.guest.proxy_on_done
    if (fn !== undefined) this.vm.call1(this, 'proxy_on_done', fn, this.id)
  }

  onDelete(): void {
    if (this.#deleted) return
    this.#deleted = true
    if (!this.#created) return
    const fn = this.vm.guest.proxy_on_delete
    if (fn !== undefined && this.vm.failure === undefined) this.vm.call1(this, 'proxy_on_delete', fn, this.id)
    this.vm.forget(this)
  }

  /** All that ends a stream, in Envoy's order (log, done, delete) or, where configured, the spec's. */
  end(): void {
    if (this.plugin.specFinishOrder) {
      this.onDone()
      this.onLog()
    } else {
      this.onLog()
      this.onDone()
    }
    this.onDelete()
  }

  // What the module may do:

  override get mapAbsent(): number {
    return this.#logging ? STATUS.notFound : STATUS.badArgument
  }

  override map(type: number): HeaderMap | undefined {
    const stream = this.stream
    switch (type) {
      case MAP.requestHeaders:
        return stream.requestHeaders
      case MAP.responseHeaders:
        return stream.responseHeaders
      case MAP.requestTrailers:
        return this.#logging ? undefined : stream.requestTrailers
      case MAP.responseTrailers:
        return stream.responseTrailers
      default:
        return super.map(type)
    }
  }

  override writableMap(type: number): HeaderMap | undefined {
    if (this.#logging || type > MAP.responseTrailers) return undefined
    const map = this.map(type)
    if (map !== undefined) return map
    if (type === MAP.requestTrailers) return this.stream.addRequestTrailers()
    if (type === MAP.responseTrailers) return this.stream.addResponseTrailers()
    return undefined
  }

  override buffer(type: number): BodyBuffer | Uint8Array | undefined {
    if (type === BUFFER.requestBody) return this.stream.requestBody
    if (type === BUFFER.responseBody) return this.stream.responseBody
    return super.buffer(type)
  }

  override attribute(group: string, name: string): AttributeValue | undefined {
    return httpAttribute(this.stream, group, name) ?? super.attribute(group, name)
  }

  override get filterState(): FilterState {
    return this.stream.filterState
  }

  override clearRouteCache(): void {
    this.stream.clearRouteCache()
  }

  override continueStream(type: number): number {
    if (type === STREAM.request || type === STREAM.response) {
      this.vm.defer(() => this.#continue(type === STREAM.request ? REQUEST : RESPONSE))
      return STATUS.ok
    }
    return STATUS.badArgument
  }

  #continue(direction: number): void {
    // Not stopped, or answered meanwhile: nothing to go on with. Asserting here is what older Envoys do.
    if (this.#deleted || (this.#answered & direction) !== 0) return
    if (this.#phase === direction) {
      // The status that the callback is about to return will do it.
      this.#resumed = true
      return
    }
    if ((this.#stopped & direction) === 0) return
    this.#stopped &= ~direction
    if (direction === REQUEST) this.stream.continueRequest()
    else this.stream.continueResponse()
  }

  override closeStream(type: number): number {
    if (type !== STREAM.request && type !== STREAM.response) return STATUS.badArgument
    this.vm.defer(() => {
      if (!this.#deleted) this.stream.closeStream(type === STREAM.request ? 'request' : 'response')
    })
    return STATUS.ok
  }

  override sendLocalReply(
    status: number,
    details: string,
    body: Uint8Array,
    headers: readonly string[],
    grpcStatus: number | undefined,
  ): number {
    // The first wins (Envoy #23047, #13857: the second was a crash). One of a later callback takes its place, as in Envoy.
    if (this.#replying || this.#deleted) return STATUS.ok
    this.#replying = true
    // From a root callback: for the direction that waits.
    this.#answered |= this.#phase || this.#stopped || REQUEST
    this.vm.defer(() => {
      this.#replying = false
      if (this.#deleted) return
      this.#delivered = true
      this.stream.sendLocalReply({ status, details, body, headers, grpcStatus })
    })
    return STATUS.ok
  }

  override finish(): number {
    return STATUS.notFound
  }

  /** Told once for every live stream when the VM dies: the stopped ones would wait for ever (Envoy #38801). */
  override vmFailed(): void {
    if (this.#deleted || this.vm.failure === undefined) return
    this.stream.onPluginFailed(this.vm.failure)
    const stopped = this.#stopped
    if (stopped === 0) return
    if (this.plugin.failurePolicy !== 'FAIL_OPEN' && !this.#delivered) {
      this.#sendFailure()
      return
    }
    this.#stopped = 0
    if ((stopped & REQUEST) !== 0 && !this.#delivered) this.stream.continueRequest()
    if ((stopped & RESPONSE) !== 0 && !this.#deleted) this.stream.continueResponse()
  }

  get #mayEdit(): boolean {
    return this.vm.compiled.editsBodies && !this.plugin.keepContentLength
  }

  /**
   * The length may be another once the module has seen the body, and the headers will have gone by then. Envoy sends the old one
   * (cpp-sdk #127), which cuts the message off or makes the next one start within this one.
   */
  #forgetLength(headers: HeaderMap | undefined, bodyCallback: unknown): void {
    if (bodyCallback !== undefined && headers !== undefined) headers.remove('content-length')
  }

  /** True when the module can be called for this stream, after proxy_on_context_create. */
  #ready(direction: number): boolean {
    if (this.#deleted || this.vm.failure !== undefined) return false
    this.#phase = direction
    this.#resumed = false
    if (this.#created) return true
    this.#created = true
    this.vm.contexts.add(this)
    const fn = this.vm.guest.proxy_on_context_create
    if (fn !== undefined) this.vm.call2(this, 'proxy_on_context_create', fn, this.id, this.#root.id)
    return this.vm.failure === undefined
  }

  /** True when the plugin can have no more say: the stream goes on, or is answered, without it. */
  #overruled(direction: number): boolean {
    this.#phase = 0
    if (this.vm.failure !== undefined) {
      // The request is over with the reply, which passes by the plugin on its way back.
      if (this.#delivered) return direction === REQUEST
      if (this.plugin.failurePolicy === 'FAIL_OPEN') return false
      this.#sendFailure()
      return true
    }
    // Whatever the module returned, as in Envoy.
    return (this.#answered & direction) !== 0
  }

  #sendFailure(): void {
    const failure = this.vm.failure
    if (failure === undefined || this.#deleted) return
    // One that comes to a dead VM was not among those that were told when it died.
    if (!this.#created) this.stream.onPluginFailed(failure)
    this.#delivered = true
    this.stream.sendLocalReply({
      status: 503,
      details: `wasm_fail_stream{${failure.plugin},${failure.cause}}`.replace(/\s/g, '_'),
      body: EMPTY,
      headers: [],
      grpcStatus: 14,
    })
  }

  #afterHeaders(direction: number, action: number): number {
    if (this.#overruled(direction)) return HEADERS_STATUS.stopAllIterationAndWatermark
    // ContinueAndEndStream (2) means Continue, as in Envoy.
    if (this.vm.failure !== undefined || action === 0 || action === 2 || this.#resumed) return HEADERS_STATUS.continue
    this.#stopped |= direction
    if (action === 1 && this.plugin.allowOnHeadersStopIteration) return HEADERS_STATUS.stopIteration
    if (action === 3) return HEADERS_STATUS.stopAllIterationAndBuffer
    return HEADERS_STATUS.stopAllIterationAndWatermark
  }

  #afterBody(direction: number, action: number): number {
    if (this.#overruled(direction)) return DATA_STATUS.stopIterationNoBuffer
    if (this.vm.failure !== undefined || action === 0 || this.#resumed) {
      this.#stopped &= ~direction
      return DATA_STATUS.continue
    }
    this.#stopped |= direction
    if (action === 1) return DATA_STATUS.stopIterationAndBuffer
    if (action === 2) return DATA_STATUS.stopIterationAndWatermark
    return DATA_STATUS.stopIterationNoBuffer
  }

  #afterTrailers(direction: number, action: number): number {
    if (this.#overruled(direction)) return TRAILERS_STATUS.stopIteration
    if (this.vm.failure !== undefined || action === 0 || this.#resumed) {
      this.#stopped &= ~direction
      return TRAILERS_STATUS.continue
    }
    this.#stopped |= direction
    return TRAILERS_STATUS.stopIteration
  }

  /** METADATA has no status that could let a stopped stream go on. */
  #afterMetadata(direction: number): void {
    if (!this.#overruled(direction) && this.#resumed) this.#continue(direction)
  }
}
