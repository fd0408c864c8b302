import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import {
  type AttributeValue,
  DATA_STATUS,
  type FilterState,
  type HttpContext,
  type HttpStreamHost,
  type LocalReply,
  type PluginFailure,
} from '../../../wasm/index.ts'
import { streamAttribute } from '../../http/attributes.ts'
import type {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  HttpFilter,
  HttpFilterCallbacks,
} from '../../http/filter.ts'
import type { MetadataMap } from '../../metadata-map.ts'

/** Which phases a module has callbacks for; the others never reach it. */
export interface Phases {
  readonly requestBody: boolean
  readonly requestTrailers: boolean
  readonly requestMetadata: boolean
  readonly responseBody: boolean
  readonly responseTrailers: boolean
  readonly responseMetadata: boolean
}

/** One stream's Wasm filter: a filter to the chain, a stream to the plugin. */
export class WasmHttpStream implements HttpFilter, HttpStreamHost {
  context!: HttpContext
  readonly decodeData: HttpFilter['decodeData']
  readonly decodeTrailers: HttpFilter['decodeTrailers']
  readonly decodeMetadata: HttpFilter['decodeMetadata']
  readonly encodeData: HttpFilter['encodeData']
  readonly encodeTrailers: HttpFilter['encodeTrailers']
  readonly encodeMetadata: HttpFilter['encodeMetadata']
  readonly #callbacks: HttpFilterCallbacks
  #requestData: BodyBuffer | undefined
  #responseData: BodyBuffer | undefined
  /** The plugin holds the body: it sees all of it, with what comes. */
  #bufferingRequest = false
  #bufferingResponse = false
  #lastRequestData = false
  #lastResponseData = false

  constructor(callbacks: HttpFilterCallbacks, phases: Phases) {
    // Own fields, not methods, because the chain looks for their absence; shared functions, because there is one of these per stream.
    this.#callbacks = callbacks
    this.decodeData = phases.requestBody ? this.onRequestData : undefined
    this.decodeTrailers = phases.requestTrailers ? this.onRequestTrailers : undefined
    this.decodeMetadata = phases.requestMetadata ? this.onRequestMetadata : undefined
    this.encodeData = phases.responseBody ? this.onResponseData : undefined
    this.encodeTrailers = phases.responseTrailers ? this.onResponseTrailers : undefined
    this.encodeMetadata = phases.responseMetadata ? this.onResponseMetadata : undefined
  }

  // To the plugin

  decodeHeaders(_headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    return this.context.onRequestHeaders(endStream) as FilterHeadersStatus
  }

  encodeHeaders(_headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    return this.context.onResponseHeaders(endStream) as FilterHeadersStatus
  }

  private onRequestData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    const callbacks = this.#callbacks
    this.#requestData = data
    this.#lastRequestData = endStream
    if (this.#bufferingRequest) {
      const over = (callbacks.decodingBuffer?.length ?? 0) + data.length > callbacks.decoderBufferLimit
      callbacks.addDecodedData(data)
      // That was answered with 413, and the module must hear no more of it (Envoy #36989).
      if (over) return DATA_STATUS.stopIterationNoBuffer
    }
    const body = this.requestBody
    const status = this.context.onRequestBody(body?.length ?? 0, endStream) as FilterDataStatus
    // Nobody else takes it from where it is held, if the stream has gone on meanwhile.
    if (this.#bufferingRequest && status === DATA_STATUS.continue && body !== undefined) data.move(body)
    this.#bufferingRequest = status === DATA_STATUS.stopIterationAndBuffer
    if (status === DATA_STATUS.continue) this.#requestData = undefined
    return status
  }

  private onResponseData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    const callbacks = this.#callbacks
    this.#responseData = data
    this.#lastResponseData = endStream
    if (this.#bufferingResponse) {
      const over = (callbacks.encodingBuffer?.length ?? 0) + data.length > callbacks.encoderBufferLimit
      callbacks.addEncodedData(data)
      if (over) return DATA_STATUS.stopIterationNoBuffer
    }
    const body = this.responseBody
    const status = this.context.onResponseBody(body?.length ?? 0, endStream) as FilterDataStatus
    if (this.#bufferingResponse && status === DATA_STATUS.continue && body !== undefined) data.move(body)
    this.#bufferingResponse = status === DATA_STATUS.stopIterationAndBuffer
    if (status === DATA_STATUS.continue) this.#responseData = undefined
    return status
  }

  private onRequestTrailers(): FilterTrailersStatus {
    return this.context.onRequestTrailers() as FilterTrailersStatus
  }

  private onResponseTrailers(): FilterTrailersStatus {
    return this.context.onResponseTrailers() as FilterTrailersStatus
  }

  private onRequestMetadata(map: MetadataMap): void {
    this.context.onRequestMetadata(map.size)
  }

  private onResponseMetadata(map: MetadataMap): void {
    this.context.onResponseMetadata(map.size)
  }

  onLog(): void {
    if (this.context.plugin.specFinishOrder) this.context.onDone()
    this.context.onLog()
  }

  onDestroy(): void {
    if (!this.context.plugin.specFinishOrder) this.context.onDone()
    this.context.onDelete()
  }

  // For the plugin

  get requestHeaders(): HeaderMap | undefined {
    return this.#callbacks.requestHeaders
  }

  get requestTrailers(): HeaderMap | undefined {
    return this.#callbacks.requestTrailers
  }

  get responseHeaders(): HeaderMap | undefined {
    return this.#callbacks.responseHeaders
  }

  get responseTrailers(): HeaderMap | undefined {
    return this.#callbacks.responseTrailers
  }

  get requestBody(): BodyBuffer | undefined {
    return this.#bufferingRequest ? this.#callbacks.decodingBuffer : this.#requestData
  }

  get responseBody(): BodyBuffer | undefined {
    return this.#bufferingResponse ? this.#callbacks.encodingBuffer : this.#responseData
  }

  addRequestTrailers(): HeaderMap | undefined {
    return this.#lastRequestData ? this.#callbacks.addDecodedTrailers() : undefined
  }

  addResponseTrailers(): HeaderMap | undefined {
    return this.#lastResponseData ? this.#callbacks.addEncodedTrailers() : undefined
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    // Matches the route where nothing has asked for it yet.
    if (group === 'xds') this.#callbacks.route()
    return streamAttribute(this.#callbacks.streamInfo, group, name)
  }

  get filterState(): FilterState {
    return this
  }

  /** FilterState. */
  get(name: string): Uint8Array | undefined {
    return this.#callbacks.streamInfo.filterState?.get(name)
  }

  /** FilterState. */
  set(name: string, value: Uint8Array): void {
    this.#callbacks.streamInfo.setFilterState(name, Buffer.from(value.buffer, value.byteOffset, value.byteLength))
  }

  clearRouteCache(): void {
    this.#callbacks.clearRouteCache()
  }

  continueRequest(): void {
    this.#callbacks.continueDecoding()
  }

  continueResponse(): void {
    this.#callbacks.continueEncoding()
  }

  closeStream(): void {
    this.#callbacks.resetStream('wasm_close_stream')
  }

  sendLocalReply({ status, details, body, headers, grpcStatus }: LocalReply): void {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#callbacks.sendLocalReply(status, bytes.latin1Slice(), {
      details,
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
      modifyHeaders: (map) => addAll(map, headers),
    })
  }

  onPluginFailed(failure: PluginFailure): void {
    // For the access log: %DYNAMIC_METADATA(sluice.wasm:…)% says which extension failed and why.
    this.#callbacks.streamInfo.setDynamicMetadata('sluice.wasm', {
      failed_plugin: failure.plugin,
      cause: failure.cause,
    })
  }
}

/** Appended (Envoy's addCopy), but a content type replaces. */
function addAll(map: HeaderMap, pairs: readonly string[]): void {
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === 'content-type') map.set(pairs[i], pairs[i + 1])
    else map.add(pairs[i], pairs[i + 1])
  }
}
