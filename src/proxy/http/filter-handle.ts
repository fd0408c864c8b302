import type { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { CallSpan } from '../cluster/async-client.ts'
import type { FilterSlot, LiveConfig } from '../filter-chain/slot.ts'
import type { Route } from '../route/route.ts'
import { continueDecoding, decodeData, injectRequestTrailers } from './decode.ts'
import { continueEncoding, encodeData, injectResponseTrailers } from './encode.ts'
import type { HttpFilter, HttpFilterCallbacks, HttpFilterConfig, LocalReplyOptions } from './filter.ts'
import { holdRequest, holdResponse } from './held.ts'
import { Direction } from './iteration.ts'
import type { HttpStream } from './stream.ts'
import type { StreamInfo } from './stream-info.ts'
import { type Pausable, type Throttle, throttleRequest, throttleResponse } from './throttle.ts'

const NO_CONFIGS: readonly unknown[] = []

/** A filter's place in one stream: what the filter may do there, and how far each direction has come at it. */
export class FilterHandle implements HttpFilterCallbacks {
  readonly stream: HttpStream
  readonly index: number
  readonly slot: FilterSlot<HttpFilterConfig>
  /** Released when the stream is over. */
  readonly live: LiveConfig<HttpFilterConfig>
  readonly decode = new Direction()
  readonly encode = new Direction()
  filter!: HttpFilter

  constructor(
    stream: HttpStream,
    index: number,
    slot: FilterSlot<HttpFilterConfig>,
    live: LiveConfig<HttpFilterConfig>,
  ) {
    this.stream = stream
    this.index = index
    this.slot = slot
    this.live = live
  }

  get streamInfo(): StreamInfo {
    return this.stream.info
  }

  get requestHeaders(): HeaderMap {
    return this.stream.requestHeaders
  }

  get requestTrailers(): HeaderMap | undefined {
    return this.stream.requestTrailers
  }

  get responseHeaders(): HeaderMap | undefined {
    return this.stream.responseHeaders
  }

  get responseTrailers(): HeaderMap | undefined {
    return this.stream.responseTrailers
  }

  route(): Route | undefined {
    return this.stream.route()
  }

  routeCluster(): string {
    this.stream.route()
    return this.stream.info.routeCluster
  }

  clearRouteCache(): void {
    this.stream.clearRouteCache()
  }

  routeConfig<T>(): T | undefined {
    return this.stream.route()?.filterConfig(this.slot.name) as T | undefined
  }

  routeConfigs<T>(): readonly T[] {
    return (this.stream.route()?.filterConfigs(this.slot.name) ?? NO_CONFIGS) as readonly T[]
  }

  continueDecoding(): void {
    continueDecoding(this.stream, this)
  }

  continueEncoding(): void {
    continueEncoding(this.stream, this)
  }

  traceCall(headers: HeaderMap, cluster: string, grpcMethod = '', name = ''): CallSpan | undefined {
    return this.stream.trace?.call(headers, cluster, grpcMethod, name)
  }

  sendLocalReply(code: number, body: string, options?: LocalReplyOptions): void {
    this.stream.sendLocalReply(code, body, options)
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.stream.startResponse(headers, endStream)
  }

  encodeData(data: BodyBuffer, endStream: boolean): void {
    this.stream.responseData(data, endStream)
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.stream.endResponse(trailers)
  }

  resetStream(details?: string): void {
    this.stream.resetByFilter(details ?? '')
  }

  get decodingBuffer(): BodyBuffer | undefined {
    return this.stream.requestBuffer
  }

  get encodingBuffer(): BodyBuffer | undefined {
    return this.stream.responseBuffer
  }

  addDecodedData(data: BodyBuffer): void {
    // From a trailers callback the data has to pass the trailers, so it goes on at once; else it joins what is held.
    if (this.stream.decodingTrailers) decodeData(this.stream, this.index + 1, data, false)
    else holdRequest(this.stream, data)
  }

  addEncodedData(data: BodyBuffer): void {
    if (this.stream.encodingTrailers) encodeData(this.stream, this.index - 1, data, false)
    else holdResponse(this.stream, data)
  }

  injectDecodedData(data: BodyBuffer, endStream: boolean): void {
    if (this.stream.over || this.stream.decodeAborted) return
    if (endStream) this.decode.withholds = false
    decodeData(this.stream, this.index + 1, data, endStream)
  }

  injectEncodedData(data: BodyBuffer, endStream: boolean): void {
    if (this.stream.over || this.stream.encodeAborted) return
    if (endStream) this.encode.withholds = false
    encodeData(this.stream, this.index - 1, data, endStream)
  }

  injectDecodedTrailers(): void {
    injectRequestTrailers(this.stream, this)
  }

  injectEncodedTrailers(): void {
    injectResponseTrailers(this.stream, this)
  }

  addDecodedTrailers(): HeaderMap {
    this.stream.requestTrailers ??= new HeaderMap()
    return this.stream.requestTrailers
  }

  addEncodedTrailers(): HeaderMap {
    this.stream.responseTrailers ??= new HeaderMap()
    return this.stream.responseTrailers
  }

  get decoderBufferLimit(): number {
    return this.stream.requestBufferLimit
  }

  get encoderBufferLimit(): number {
    return this.stream.responseBufferLimit
  }

  setDecoderBufferLimit(bytes: number): void {
    this.stream.requestBufferLimit = bytes
  }

  pauseDownstream(): void {
    this.stream.pauseDownstream()
  }

  resumeDownstream(): void {
    this.stream.resumeDownstream()
  }

  throttleDownstream(body: Pausable): Throttle {
    return throttleRequest(this.stream, body)
  }

  throttleUpstream(body: Pausable): Throttle {
    return throttleResponse(this.stream, body)
  }

  pauseUpstream(): void {
    this.stream.pauseUpstream()
  }

  resumeUpstream(): void {
    this.stream.resumeUpstream()
  }
}
