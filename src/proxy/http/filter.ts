/**
 * The filter interface: Envoy's (`envoy/http/filter.h`), so that built-in filters, Lua and Wasm are all alike to the chain.
 *
 * Three lives: a factory exists once per filter type, a `HttpFilterConfig` once per worker and delivered config, a `HttpFilter`
 * once per stream. All calls of one stream come from one thread and never from within another call of the same filter, except
 * `onDestroy`, which may follow from whatever a filter does.
 */

import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { CallSpan } from '../cluster/async-client.ts'
import type { FactoryContext } from '../context.ts'
import type { FilterConfig, FilterFactory } from '../filter-chain/factory.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { Route } from '../route/route.ts'
import type { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from './filter-status.ts'
import type { StreamInfo } from './stream-info.ts'
import type { Pausable, Throttle } from './throttle.ts'

export * from './filter-status.ts'

/**
 * One stream's filter. Every method is optional, and a phase that no filter of a chain has costs nothing.
 * Request phases run in the order of the chain, response phases in reverse.
 */
export interface HttpFilter {
  decodeHeaders?(headers: HeaderMap, endStream: boolean): FilterHeadersStatus
  /** `data` is this chunk only; what was held before is `callbacks.decodingBuffer`. It may be changed in place. */
  decodeData?(data: BodyBuffer, endStream: boolean): FilterDataStatus
  decodeTrailers?(trailers: HeaderMap): FilterTrailersStatus
  /** HTTP/2 METADATA on its way, which no filter can stop. */
  decodeMetadata?(map: MetadataMap): void
  encodeHeaders?(headers: HeaderMap, endStream: boolean): FilterHeadersStatus
  encodeData?(data: BodyBuffer, endStream: boolean): FilterDataStatus
  encodeTrailers?(trailers: HeaderMap): FilterTrailersStatus
  encodeMetadata?(map: MetadataMap): void
  /** The stream is over, its info final; in the order of the chain, before any `onDestroy`. */
  onLog?(info: StreamInfo): void
  /** Last call; no callback may be used any more. */
  onDestroy?(): void
}

/** What an answer of our own has besides its code and body. */
export interface LocalReplyOptions {
  /** Changes the reply's headers after Envoy's own were set. */
  readonly modifyHeaders?: (headers: HeaderMap) => void
  /** For gRPC requests; derived from the HTTP status when absent (gRPC's doc/http-grpc-status-mapping.md). */
  readonly grpcStatus?: number
  /** `%RESPONSE_CODE_DETAILS%`; white space becomes `_`. */
  readonly details?: string
}

/** What a filter may do with its stream. One object per filter and stream. */
export interface HttpFilterCallbacks {
  readonly streamInfo: StreamInfo
  readonly requestHeaders: HeaderMap
  readonly requestTrailers: HeaderMap | undefined
  readonly responseHeaders: HeaderMap | undefined
  readonly responseTrailers: HeaderMap | undefined
  /** The route, matched on first use and again after `clearRouteCache`. */
  route(): Route | undefined
  /** The name of the cluster that it leads to; '': to none. */
  routeCluster(): string
  clearRouteCache(): void
  /** This filter's `typed_per_filter_config`: of the route, else its virtual host, else the route configuration. */
  routeConfig<T>(): T | undefined
  /** All that there are of them, in this order. */
  routeConfigs<T>(): readonly T[]

  /**
   * Puts the stream's trace into a request of the filter's own; the span is for the call. `grpcMethod`: `package.Service.Method`. `name`
   * stands in the place of the one that Envoy's client gives.
   */
  traceCall(headers: HeaderMap, cluster: string, grpcMethod?: string, name?: string): CallSpan | undefined

  /** Goes on after a stop. Does nothing when this filter has not stopped that direction. */
  continueDecoding(): void
  continueEncoding(): void

  /**
   * Answers in place of the upstream; the reply runs through the response phases. Ignored once the response headers have gone out
   * (the stream is reset then) or when there was a reply already. `body` is a byte string.
   */
  sendLocalReply(code: number, body: string, options?: LocalReplyOptions): void
  /** Gives a response of this filter's own (with streaming body) to the response phases, as the router does. */
  encodeHeaders(headers: HeaderMap, endStream: boolean): void
  encodeData(data: BodyBuffer, endStream: boolean): void
  encodeTrailers(trailers: HeaderMap): void
  /** Ends the stream without an answer: the connection (HTTP/1.1) or stream (HTTP/2) is reset. */
  resetStream(details?: string): void

  /** The body held by this chain in that direction, while some filter holds it. May be changed in place. */
  readonly decodingBuffer: BodyBuffer | undefined
  readonly encodingBuffer: BodyBuffer | undefined
  /** Adds to what is held, or (from a data callback of the same direction) in front of what follows. */
  addDecodedData(data: BodyBuffer): void
  addEncodedData(data: BodyBuffer): void
  /** Gives data to the filters behind this one, from outside of a data callback that has stopped without holding. */
  injectDecodedData(data: BodyBuffer, endStream: boolean): void
  injectEncodedData(data: BodyBuffer, endStream: boolean): void
  /** Ends with trailers what was given on so. */
  injectDecodedTrailers(): void
  injectEncodedTrailers(): void
  /** Makes trailers where there are none; only from a data callback with `endStream`, or before they are injected. */
  addDecodedTrailers(): HeaderMap
  addEncodedTrailers(): HeaderMap
  /** How much this chain holds before it answers 413 (or 500 for a response). */
  readonly decoderBufferLimit: number
  readonly encoderBufferLimit: number
  setDecoderBufferLimit(bytes: number): void

  /** Back-pressure by stopping to read from that peer; calls nest. */
  pauseDownstream(): void
  resumeDownstream(): void
  pauseUpstream(): void
  resumeUpstream(): void
  /** For a body that this filter makes from what comes: those behind it slow it down, too, and it slows down those before. */
  throttleDownstream(body: Pausable): Throttle
  throttleUpstream(body: Pausable): Throttle
}

/** An HTTP filter's configuration, compiled once per worker. */
export interface HttpFilterConfig extends FilterConfig {
  /** Somebody's own code (Wasm, Lua), which gets spans where tracing is verbose. */
  readonly extension?: boolean
  /** `undefined`: this stream needs no such filter. */
  createFilter(callbacks: HttpFilterCallbacks): HttpFilter | undefined
}

/** An HTTP filter type; `R` is the message of its `typed_per_filter_config`. */
export interface HttpFilterFactory<C extends DescMessage = DescMessage, R extends DescMessage = DescMessage>
  extends FilterFactory<HttpFilterConfig, C> {
  readonly routeConfigType?: R
  /** Compiles a `typed_per_filter_config`; throwing refuses the route configuration. */
  createRouteConfig?(config: MessageShape<R>, context: FactoryContext): unknown
}
