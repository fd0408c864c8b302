import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { DATA_STATUS, HEADERS_STATUS } from '../abi/constants.ts'
import type { AttributeValue } from '../attributes/value.ts'
import type { HttpContext } from '../context/http-context.ts'
import type { PluginFailure } from '../failure.ts'
import type { HttpStreamHost, LocalReply } from '../host.ts'

type Headers = Iterable<readonly [string, string]>

/** What the last callback of one direction left: `continue`, a stop, or an answer in its place. */
export type Outcome = 'continue' | 'stopped' | 'replied' | 'reset'

/**
 * One HTTP stream without a network: push the parts of a request and a response through the plugin and look at what it made of
 * them. It buffers as Envoy does, runs local replies through the response callbacks, and continues what the plugin continues.
 */
export class TestStream implements HttpStreamHost {
  requestHeaders: HeaderMap | undefined
  requestTrailers: HeaderMap | undefined
  responseHeaders: HeaderMap | undefined
  responseTrailers: HeaderMap | undefined
  requestBody: BodyBuffer | undefined
  responseBody: BodyBuffer | undefined
  readonly filterState = new Map<string, Uint8Array>()
  /** By `group.name`. */
  readonly attributes = new Map<string, AttributeValue>()
  context!: HttpContext
  /** What went on to the upstream and to the downstream. */
  readonly sentRequest = new BodyBuffer()
  readonly sentResponse = new BodyBuffer()
  localReply: LocalReply | undefined
  failure: PluginFailure | undefined
  routeCacheCleared = 0
  closed: 'request' | 'response' | undefined
  /** Statuses that the callbacks returned, Envoy's numbers, in order. */
  readonly statuses: number[] = []
  #stopped = { request: false, response: false }
  #held = { request: new BodyBuffer(), response: new BodyBuffer() }
  #continued = { request: 0, response: 0 }
  #lastBody = { request: false, response: false }

  attribute(group: string, name: string): AttributeValue | undefined {
    return this.attributes.get(`${group}.${name}`)
  }

  addRequestTrailers(): HeaderMap | undefined {
    if (this.#lastBody.request) this.requestTrailers ??= new HeaderMap()
    return this.requestTrailers
  }

  addResponseTrailers(): HeaderMap | undefined {
    if (this.#lastBody.response) this.responseTrailers ??= new HeaderMap()
    return this.responseTrailers
  }

  clearRouteCache(): void {
    this.routeCacheCleared++
  }

  continueRequest(): void {
    this.#continue('request')
  }

  continueResponse(): void {
    this.#continue('response')
  }

  closeStream(direction: 'request' | 'response'): void {
    this.closed ??= direction
  }

  sendLocalReply(reply: LocalReply): void {
    if (this.localReply !== undefined) return
    this.localReply = reply
    if (this.responseHeaders !== undefined) return
    const headers = new HeaderMap()
    headers.add(':status', String(reply.status))
    if (reply.body.length > 0) {
      headers.add('content-length', String(reply.body.length))
      headers.add('content-type', 'text/plain')
    }
    for (let i = 0; i < reply.headers.length; i += 2) headers.add(reply.headers[i], reply.headers[i + 1])
    // The plugin sees its own answer, as it does in Envoy.
    const body = Buffer.from(reply.body)
    this.#headers('response', headers, body.length === 0)
    if (body.length > 0) this.#body('response', body, true)
  }

  onPluginFailed(failure: PluginFailure): void {
    this.failure = failure
  }

  /** How often the plugin let a stopped direction go on. */
  get continued(): { readonly request: number; readonly response: number } {
    return this.#continued
  }

  /** True while the plugin holds the response, also one that is a local reply. */
  get responseHeld(): boolean {
    return this.#stopped.response
  }

  outcome(direction: 'request' | 'response'): Outcome {
    if (this.closed !== undefined) return 'reset'
    if (this.localReply !== undefined) return 'replied'
    return this.#stopped[direction] ? 'stopped' : 'continue'
  }

  /** Request headers; `:method`, `:path`, `:scheme` and `:authority` are filled in where they are absent. */
  request(headers: Headers = [], endOfStream = true): Outcome {
    const map = HeaderMap.of(headers)
    const wanted: [string, string][] = [
      [':scheme', 'http'],
      [':path', '/'],
      [':method', 'GET'],
      [':authority', 'test.example'],
    ]
    for (const [name, value] of wanted) if (!map.has(name)) map.flat.unshift(name, value)
    this.#headers('request', map, endOfStream)
    return this.outcome('request')
  }

  requestData(data: string | Uint8Array, endOfStream = true): Outcome {
    this.#body('request', toBuffer(data), endOfStream)
    return this.outcome('request')
  }

  requestEnd(trailers: Headers): Outcome {
    this.requestTrailers = HeaderMap.of(trailers)
    this.#trailers('request')
    return this.outcome('request')
  }

  response(headers: Headers = [], endOfStream = true): Outcome {
    const map = HeaderMap.of(headers)
    if (!map.has(':status')) map.flat.unshift(':status', '200')
    this.#headers('response', map, endOfStream)
    return this.outcome('response')
  }

  responseData(data: string | Uint8Array, endOfStream = true): Outcome {
    this.#body('response', toBuffer(data), endOfStream)
    return this.outcome('response')
  }

  responseEnd(trailers: Headers): Outcome {
    this.responseTrailers = HeaderMap.of(trailers)
    this.#trailers('response')
    return this.outcome('response')
  }

  /** Log, done, delete. */
  finish(): void {
    this.context.end()
  }

  #headers(direction: 'request' | 'response', map: HeaderMap, end: boolean): void {
    if (direction === 'request') this.requestHeaders = map
    else this.responseHeaders = map
    const context = this.context
    const status = direction === 'request' ? context.onRequestHeaders(end) : context.onResponseHeaders(end)
    this.statuses.push(status)
    if (this.#continuedSince(direction)) return
    this.#stopped[direction] = status !== HEADERS_STATUS.continue
  }

  #body(direction: 'request' | 'response', chunk: Buffer, end: boolean): void {
    const held = this.#held[direction]
    const hand = new BodyBuffer()
    hand.move(held)
    hand.add(chunk)
    this.#lastBody[direction] = end
    if (direction === 'request') this.requestBody = hand
    else this.responseBody = hand
    const context = this.context
    const status =
      direction === 'request' ? context.onRequestBody(hand.length, end) : context.onResponseBody(hand.length, end)
    this.statuses.push(status)
    if (status === DATA_STATUS.continue || this.#continuedSince(direction)) {
      this.#stopped[direction] = false
      this.#sent(direction).move(hand)
      this.#forget(direction)
    } else {
      this.#stopped[direction] = true
      if (status !== DATA_STATUS.stopIterationNoBuffer) this.#held[direction] = hand
    }
  }

  #trailers(direction: 'request' | 'response'): void {
    const context = this.context
    const status = direction === 'request' ? context.onRequestTrailers() : context.onResponseTrailers()
    this.statuses.push(status)
    if (this.#continuedSince(direction)) return
    this.#stopped[direction] = status !== 0
    if (status === 0) this.#release(direction)
  }

  #seen = { request: 0, response: 0 }

  /** True when the plugin continued from within, or right after, the callback that has just returned. */
  #continuedSince(direction: 'request' | 'response'): boolean {
    const again = this.#continued[direction] !== this.#seen[direction]
    this.#seen[direction] = this.#continued[direction]
    return again
  }

  #continue(direction: 'request' | 'response'): void {
    this.#continued[direction]++
    this.#stopped[direction] = false
    this.#release(direction)
  }

  #release(direction: 'request' | 'response'): void {
    this.#sent(direction).move(this.#held[direction])
    this.#forget(direction)
  }

  #forget(direction: 'request' | 'response'): void {
    if (direction === 'request') this.requestBody = undefined
    else this.responseBody = undefined
  }

  #sent(direction: 'request' | 'response'): BodyBuffer {
    return direction === 'request' ? this.sentRequest : this.sentResponse
  }
}

function toBuffer(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data)
}
