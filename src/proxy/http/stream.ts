import { performance } from 'node:perf_hooks'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { nowMs } from '../../base/read-clock.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import type { RedirectState } from '../route/internal-redirects.ts'
import type { RouteEntry } from '../route/route-entry.ts'
import { isGrpc } from '../route/route-match.ts'
import { routeDuration } from '../route/stream-duration.ts'
import type { Timeout, TimeoutOwner } from '../timeout-queue.ts'
import type { StreamTrace } from '../tracing/stream-trace.ts'
import type { RequestSink, ResponseEncoder } from './codec.ts'
import type { ConnectionManager } from './connection-manager.ts'
import { decodeData, decodeHeaders, decodeTrailers } from './decode.ts'
import { encodeData, encodeHeaders, encodeTrailers, responseIsWhole } from './encode.ts'
import type { LocalReplyOptions } from './filter.ts'
import type { FilterHandle } from './filter-handle.ts'
import { fixLength } from './fix-length.ts'
import { isAnswer, NO_STATUS, type PendingReply } from './local-reply.ts'
import { createFilters } from './make-handle.ts'
import { decodeMetadata, encodeMetadata, type ParkedMetadata } from './metadata.ts'
import { reply, replyDirectly, replyToCodecError } from './reply.ts'
import { ResponseFlag, StreamInfo } from './stream-info.ts'
import { armIdleTimeout, armRequestTimeout, cancelTimeouts, limitDuration, onStreamTimeout } from './stream-timeouts.ts'
import type { DownstreamControl, UpstreamControl } from './throttle.ts'

const TIME_ORIGIN = performance.timeOrigin

/** One request and its response: the filter chain, what is held, timeouts, local replies and the end. */
export class HttpStream implements RequestSink, TimeoutOwner {
  readonly manager: ConnectionManager
  readonly encoder: ResponseEncoder
  readonly info: StreamInfo
  readonly filters: FilterHandle[] = []
  requestHeaders!: HeaderMap
  requestTrailers: HeaderMap | undefined
  responseHeaders: HeaderMap | undefined
  responseTrailers: HeaderMap | undefined
  parkedRequestMetadata: ParkedMetadata[] | undefined
  parkedResponseMetadata: ParkedMetadata[] | undefined
  /** What some filter holds; `undefined` when none does (an empty one still means an end to hand on). */
  requestBuffer: BodyBuffer | undefined
  responseBuffer: BodyBuffer | undefined
  /** What was held and is passed on just now. */
  requestResumed: BodyBuffer | undefined
  responseResumed: BodyBuffer | undefined
  requestBufferLimit: number
  responseBufferLimit: number
  /** Too much held stops reading, where it would otherwise fail the stream. */
  requestStreaming = false
  responseStreaming = false
  requestHeldBack = false
  responseHeldBack = false
  requestComplete = false
  responseComplete = false
  decodeAborted = false
  encodeAborted = false
  decodingTrailers = false
  encodingTrailers = false
  /** Depth of filter calls on the stack. */
  calls = 0
  over = false
  downstream: DownstreamControl
  downstreamPauses = 0
  upstream: UpstreamControl | undefined
  upstreamPauses = 0
  trace: StreamTrace | undefined
  isUpgrade = false
  /** What a tunnel leads to has failed. */
  tunnelBroke = false
  /** It asks for an upgrade and has a body of its own, which is not the tunnel's. */
  upgradeHasBody = false
  isHead = false
  /** As it came: what answers of our own look like is settled then, whatever filters make of the request. */
  isGrpc = false
  /** Of a request that was redirected within the proxy, or is about to be. */
  redirects: RedirectState | undefined
  /** It has, or will have, an answer of our own. */
  replied = false
  /** The answer of our own was 400, whatever a mapper made of it. */
  badRequest = false
  headersSent = false
  idleTimeout: Timeout | undefined
  requestTimeout: Timeout | undefined
  maxDuration: Timeout | undefined
  lastActivity = 0
  #route: RouteEntry | undefined
  #routeKnown = false
  #pending: PendingReply | undefined
  #resetPending: string | undefined
  #endSent = false

  constructor(manager: ConnectionManager, encoder: ResponseEncoder, connection: ConnectionInfo, protocol: string) {
    this.manager = manager
    this.encoder = encoder
    this.downstream = encoder
    this.info = new StreamInfo(connection)
    this.info.protocol = protocol
    this.requestBufferLimit = manager.bufferLimit
    this.responseBufferLimit = manager.bufferLimit
    manager.streamStarted(protocol)
  }

  /**
   * An answer of our own to what is no request, or before its end: HTTP/1.1 cannot go on behind it (Envoy's
   * stream_error_on_invalid_http_message is off).
   */
  get closesConnection(): boolean {
    const invalid = this.badRequest && !this.manager.options.streamErrors
    return this.replied && (!this.requestComplete || invalid)
  }

  // From the codec

  /** The stream exists; also for a head that cannot be read, so that it is answered and logged. */
  begin(headers: HeaderMap): void {
    const info = this.info
    this.requestHeaders = headers
    info.requestHeaders = headers
    info.startMono = nowMs()
    info.startTime = TIME_ORIGIN + info.startMono
    this.lastActivity = info.startMono
    this.isHead = headers.get(':method') === 'HEAD'
    this.isGrpc = isGrpc(headers)
  }

  onRequestHeaders(headers: HeaderMap, endStream: boolean): void {
    this.begin(headers)
    if (endStream) this.#markRequestComplete()
    const { options } = this.manager
    if (options.requestTimeoutMs > 0 && !endStream) armRequestTimeout(this, options.requestTimeoutMs)
    limitDuration(this, options.maxStreamDurationMs)
    if (!this.manager.acceptRequest(this, headers)) return
    armIdleTimeout(this)
    if (!createFilters(this) || !this.manager.acceptUpgrade(this, headers)) return
    // Before a filter changes what it is found by; who wants another one then clears it (FilterManager, refreshCachedRoute).
    this.route()
    this.#expect(headers, headers.get('expect'))
    decodeHeaders(this, 0, headers, endStream)
  }

  onRequestData(data: BodyBuffer, endStream: boolean): void {
    if (this.over) return
    this.lastActivity = nowMs()
    this.info.bytesReceived += data.length
    if (endStream) this.#markRequestComplete()
    if (!this.decodeAborted) decodeData(this, 0, data, endStream)
    else if (endStream) this.#maybeDone()
  }

  onRequestTrailers(trailers: HeaderMap): void {
    if (this.over) return
    this.#markRequestComplete()
    this.requestTrailers = trailers
    this.info.requestTrailers = trailers
    if (!this.decodeAborted) decodeTrailers(this, 0)
    else this.#maybeDone()
  }

  onRequestMetadata(map: MetadataMap): void {
    this.lastActivity = nowMs()
    if (!this.over && !this.decodeAborted) decodeMetadata(this, 0, map)
  }

  onDownstreamReset(flag: number, details: string): void {
    if (this.over) return
    this.info.responseFlags |= flag
    if (details !== '') this.info.responseCodeDetails = details
    this.finish()
  }

  onCodecError(status: number, details: string): void {
    if (this.over) return
    if (details.startsWith('http')) this.info.responseFlags |= ResponseFlag.DownstreamProtocolError
    replyToCodecError(this, status, details)
  }

  onDownstreamBlocked(): void {
    this.pauseUpstream()
  }

  onDownstreamDrained(): void {
    this.lastActivity = nowMs()
    this.resumeUpstream()
  }

  onTimeout(kind: number): void {
    if (!this.over) onStreamTimeout(this, kind)
  }

  /** The route's `idle_timeout` where it has one. */
  get streamIdleTimeoutMs(): number {
    const ofRoute = this.#route?.idleTimeoutMs
    return ofRoute === undefined ? this.manager.options.streamIdleTimeoutMs : ofRoute
  }

  // Routes

  route(): RouteEntry | undefined {
    if (!this.#routeKnown) {
      this.#routeKnown = true
      this.#route = this.manager.routeFor(this)
      this.manager.settleRoute(this, this.#route)
      if (this.#route?.idleTimeoutMs !== undefined) armIdleTimeout(this)
      const limit = this.#route?.settings.maxDuration
      const { options } = this.manager
      if (limit !== undefined) limitDuration(this, routeDuration(this.requestHeaders, limit, options))
      // Of the connection manager, or of a route that a filter has seen before it changed the request.
      else if (this.maxDuration !== undefined) limitDuration(this, options.maxStreamDurationMs)
    }
    return this.#route
  }

  clearRouteCache(): void {
    this.#routeKnown = false
  }

  // From filters

  /** After each filter call: does what the filter asked for while it was running. True: the request goes no further. */
  afterCall(): boolean {
    if (this.calls === 0) {
      if (this.#resetPending !== undefined) {
        const details = this.#resetPending
        this.#resetPending = undefined
        this.resetByFilter(details)
      } else if (this.#pending !== undefined) {
        const pending = this.#pending
        this.#pending = undefined
        reply(this, pending)
      }
    }
    return this.over || this.decodeAborted
  }

  sendLocalReply(code: number, body: string, options?: LocalReplyOptions): void {
    // Within one callback the first wins. Another takes the place of an answer that has begun and not gone out, whoever gave that one.
    if (this.over || this.#pending !== undefined) return
    this.replied = true
    this.decodeAborted = true
    const pending: PendingReply = { code, body, options }
    if (this.calls > 0) this.#pending = pending
    else reply(this, pending)
  }

  /** A response begins: of the upstream, of a filter, or a local reply. */
  startResponse(headers: HeaderMap, endStream: boolean): void {
    if (this.over) return
    this.lastActivity = nowMs()
    // Who has an answer has asked enough, and a tunnel's request ends with the tunnel.
    this.requestTimeout?.cancel()
    this.responseHeaders = headers
    this.info.responseHeaders = headers
    this.info.responseCode = Number(headers.get(':status'))
    if (endStream) this.responseComplete = true
    encodeHeaders(this, this.filters.length - 1, headers, endStream)
  }

  responseData(data: BodyBuffer, endStream: boolean): void {
    if (this.over || this.encodeAborted) return
    this.lastActivity = nowMs()
    if (endStream) this.responseComplete = true
    encodeData(this, this.filters.length - 1, data, endStream)
  }

  endResponse(trailers: HeaderMap): void {
    if (this.over || this.encodeAborted) return
    this.responseComplete = true
    this.responseTrailers = trailers
    this.info.responseTrailers = trailers
    encodeTrailers(this, this.filters.length - 1)
  }

  responseMetadata(map: MetadataMap): void {
    this.lastActivity = nowMs()
    if (!this.over && !this.encodeAborted) encodeMetadata(this, this.filters.length - 1, map)
  }

  resetByFilter(details: string): void {
    if (this.over) return
    if (this.calls > 0) {
      this.#resetPending = details
      this.decodeAborted = true
      this.encodeAborted = true
      return
    }
    if (this.info.responseCodeDetails === '' || this.info.responseCodeDetails === 'via_upstream') {
      this.info.responseCodeDetails = details
    }
    this.manager.stats.resetsSent.value++
    this.encoder.reset()
    this.finish()
  }

  pauseDownstream(): void {
    if (this.downstreamPauses++ === 0 && !this.over) this.downstream.pauseReading()
  }

  resumeDownstream(): void {
    if (this.downstreamPauses > 0 && --this.downstreamPauses === 0 && !this.over) this.downstream.resumeReading()
  }

  pauseUpstream(): void {
    if (this.upstreamPauses++ === 0) this.upstream?.pauseUpstream()
  }

  resumeUpstream(): void {
    if (this.upstreamPauses > 0 && --this.upstreamPauses === 0) this.upstream?.resumeUpstream()
  }

  // To the codec

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.over || this.encodeAborted) return
    const status = headers.get(':status')
    if (!isAnswer(status, this.info)) {
      replyDirectly(this, NO_STATUS)
      return
    }
    if (!endStream && !this.isHead)
      fixLength(headers, this.responseBuffer, responseIsWhole(this), this.responseTrailers)
    this.manager.finishResponse(this, headers)
    const info = this.info
    info.responseCode = Number(status)
    info.firstDownstreamTxMono = nowMs()
    this.headersSent = true
    this.encoder.encodeHeaders(headers, endStream)
    if (endStream) this.#responseEnded()
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    if (this.over || this.encodeAborted) return
    this.info.bytesSent += data.length
    this.encoder.encodeData(data, endStream)
    if (endStream) this.#responseEnded()
  }

  sendMetadata(map: MetadataMap): void {
    this.encoder.encodeMetadata?.(map)
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.over || this.encodeAborted) return
    this.encoder.encodeTrailers(trailers)
    this.#responseEnded()
  }

  // Inner workings

  #expect(headers: HeaderMap, expectation: string | undefined): void {
    // What else there may be to expect is the upstream's affair.
    if (expectation?.toLowerCase() !== '100-continue') return
    if (headers.getAll('expect').some((one) => one.toLowerCase() !== '100-continue')) return
    // Envoy answers itself unless `proxy_100_continue`: the upstream then sees an ordinary request. RFC 9110 10.1.1: no 100 for HTTP/1.0.
    if (!this.requestComplete && this.info.protocol !== 'HTTP/1.0') this.#continue()
    headers.remove('expect')
  }

  #continue(): void {
    this.manager.stats.countAnswer(100)
    this.encoder.encode100Continue()
  }

  #markRequestComplete(): void {
    this.requestComplete = true
    this.requestTimeout?.cancel()
    this.info.requestCompleteMono = nowMs()
  }

  #responseEnded(): void {
    this.#endSent = true
    this.#maybeDone()
  }

  /** An answer that came before the request was complete ends the request as well: the codec closes what it cannot read. */
  #maybeDone(): void {
    if (this.#endSent) this.finish()
  }

  /** `last`: no other stream goes on in its place. */
  finish(last = true): void {
    if (this.over) return
    this.over = true
    this.decodeAborted = true
    this.encodeAborted = true
    cancelTimeouts(this)
    const info = this.info
    info.endMono = nowMs()
    info.lastDownstreamTxMono = info.endMono
    const filters = this.filters
    for (let i = 0; i < filters.length; i++) filters[i].filter.onLog?.(info)
    this.manager.streamFinished(this, last && !(this.requestComplete && this.#endSent))
    for (let i = 0; i < filters.length; i++) {
      filters[i].filter.onDestroy?.()
      filters[i].live.release()
    }
    if (last) this.encoder.streamDone()
  }
}
