/** `envoy.filters.http.router`: the end of every chain, which forwards, retries, mirrors, redirects or answers. */

import type { BodyBuffer } from '../../../base/body-buffer.ts'
import { byteString } from '../../../base/byte-string.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { nowMs } from '../../../base/read-clock.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import { UpstreamFailure } from '../../cluster/upstream.ts'
import type { HttpFilter } from '../../http/filter.ts'
import type { FilterHandle } from '../../http/filter-handle.ts'
import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from '../../http/filter-status.ts'
import { fixLength } from '../../http/fix-length.ts'
import { ResponseFlag } from '../../http/stream-info.ts'
import type { UpstreamControl } from '../../http/throttle.ts'
import type { MetadataMap } from '../../metadata-map.ts'
import type { RouteEntry } from '../../route/route-entry.ts'
import { Timeout, type TimeoutOwner } from '../../timeout-queue.ts'
import { Attempt } from './attempt.ts'
import { HeldBody } from './body.ts'
import type { RouterConfig } from './config.ts'
import { answerDirect } from './direct.ts'
import { answerReset, failureText, type ResetText, resetStatus, transportReason } from './failure.ts'
import { chooseHost } from './host.ts'
import { LateAttempts } from './late.ts'
import { type Mirror, startMirror } from './mirror.ts'
import { redirects, turnsIntoGet } from './redirect.ts'
import { hasRequiredHeaders, type RequestLimits, routeLimits, TIMEOUT_DETAILS, tellTimeLeft } from './request.ts'
import { Retries } from './retries.ts'
import { countAnswer, countFailure, countGiven, countRouteTimeout, countTimeout, judgeAnswer } from './tally.ts'

const ROUTE = 0
const PER_TRY = 1
const BACK_OFF = 2
const PER_TRY_IDLE = 3

export class RouterFilter implements HttpFilter, UpstreamControl, TimeoutOwner {
  readonly callbacks: FilterHandle
  readonly #clusters: ClusterManager
  readonly #config: RouterConfig
  readonly #timeout = new Timeout(this, ROUTE)
  #perTry: Timeout | undefined
  #perTryIdle: Timeout | undefined
  #route!: RouteEntry
  #cluster!: Cluster
  #headers!: HeaderMap
  /** The newest try. */
  #attempt: Attempt | undefined
  /** Those that took longer than a try may, and that nevertheless may still answer (`hedge_on_per_try_timeout`). */
  #late: LateAttempts | undefined
  #mirrors: Mirror[] | undefined
  #limits!: RequestLimits
  #begun = 0
  #requestEnd = false
  /** By what came here: not by what the client sent, which a filter may have added to, and a redirect by 303 has dropped. */
  #hasBody = false
  #responseStarted = false
  #done = false
  /** From the first failure on. */
  #retries: Retries | undefined
  #body: HeldBody | undefined
  #trailers: HeaderMap | undefined

  constructor(callbacks: FilterHandle, clusters: ClusterManager, config: RouterConfig) {
    this.callbacks = callbacks
    this.#clusters = clusters
    this.#config = config
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { stream } = this.callbacks
    const { info } = stream
    this.#headers = headers
    this.#requestEnd = endStream
    const route = stream.route()
    if (route === undefined) {
      info.responseFlags |= ResponseFlag.NoRouteFound
      this.#refuse(404, '', 'route_not_found')
      return FilterHeadersStatus.StopIteration
    }
    this.#route = route
    const { settings } = route
    if (settings.direct !== undefined) {
      this.#done = true
      answerDirect(this.callbacks, route)
      return FilterHeadersStatus.StopIteration
    }
    const name = route.clusterFor(headers)
    const cluster = this.#clusters.get(name)
    info.upstreamCluster = name
    if (cluster === undefined) {
      info.responseFlags |= ResponseFlag.NoClusterFound
      this.#refuse(settings.clusterNotFoundCode, '', 'cluster_not_found')
      return FilterHeadersStatus.StopIteration
    }
    this.#cluster = cluster
    if (!hasRequiredHeaders(headers)) {
      this.#refuse(503, 'filter removed required request headers', 'filter_removed_required_request_headers')
      return FilterHeadersStatus.StopIteration
    }
    route.finalizeRequest(headers, info, this.#config.suppress)
    this.#limits = routeLimits(headers, settings, this.#config.respectExpected)
    if (!endStream) fixLength(headers, stream.requestBuffer, stream.requestComplete, stream.requestTrailers)
    if (!endStream && (this.#limits.retry !== undefined || settings.redirects !== undefined))
      this.#body = new HeldBody(true)
    if (settings.mirrors.length > 0)
      this.#mirrors = startMirror(settings.mirrors, this.#clusters, headers, endStream, stream.trace !== undefined)
    stream.upstream = this
    this.#begun = nowMs()
    this.#tryOnce()
    if (endStream) this.#requestSent()
    return this.#done ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#done) return FilterDataStatus.StopIterationNoBuffer
    if (endStream) this.#requestEnd = true
    if (data.length > 0) this.#hasBody = true
    const body = this.#body
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.data(data, endStream)
    const ready = this.#attempt?.headersSent === true
    if (body?.whole === true && !this.#keep(body, data, ready)) return FilterDataStatus.StopIterationNoBuffer
    if (ready) this.#attempt?.sendData(data, endStream)
    else {
      this.#body ??= new HeldBody(false)
      this.#body.hold(data, this.callbacks.stream)
    }
    if (endStream) this.#requestSent()
    return FilterDataStatus.Continue
  }

  decodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (this.#done) return FilterTrailersStatus.StopIteration
    this.#requestEnd = true
    this.#trailers = trailers
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.trailers(trailers)
    if (this.#attempt?.headersSent === true) this.#attempt.sendTrailers(trailers)
    this.#requestSent()
    return FilterTrailersStatus.Continue
  }

  decodeMetadata(map: MetadataMap): void {
    this.#attempt?.sendMetadata(map)
  }

  onDestroy(): void {
    this.#end()
    this.#attempt?.cancel()
    this.#attempt = undefined
  }

  pauseUpstream(): void {
    this.#attempt?.pauseReading()
  }

  resumeUpstream(): void {
    this.#attempt?.resumeReading()
  }

  onTimeout(kind: number): void {
    if (this.#done) return
    if (kind === BACK_OFF) {
      this.#tryOnce()
      return
    }
    const { info } = this.callbacks.stream
    const { outliers, stats } = this.#cluster
    const { retry, hedges } = this.#limits
    const attempt = this.#attempt
    const started = this.#responseStarted
    if (attempt !== undefined && (!started || kind === PER_TRY_IDLE) && !attempt.late)
      outliers?.onLocalFailure(attempt.host, 504)
    if (kind === ROUTE) {
      const tries = countRouteTimeout(this.#cluster, attempt, this.#late, started)
      for (let i = 0; i < tries && !started; i++) this.#countGiven(504)
      this.#giveUpAttempt(attempt)
    } else {
      if (hedges) {
        if (!started) this.#hedge()
        return
      }
      const counter = kind === PER_TRY ? stats.perTryTimeouts : stats.perTryIdleTimeouts
      counter.value++
      if (attempt !== undefined) countTimeout(attempt.host, started)
      this.#giveUpAttempt(attempt, false, ResponseFlag.UpstreamRequestTimeout)
      if (!started && this.#mayRetry(retry?.wantsReset(false, true) ?? false, attempt?.host)) return
      if (!started) this.#countGiven(504)
    }
    info.responseFlags |= ResponseFlag.UpstreamRequestTimeout
    const details = TIMEOUT_DETAILS[kind]
    if (started) this.#reset(details)
    else this.#refuse(504, 'upstream request timeout', details)
  }

  // From the attempt

  onAttemptReady(attempt: Attempt): void {
    const { info } = this.callbacks.stream
    const { host } = attempt
    info.upstreamHost = host
    info.upstreamLocalAddress = attempt.localAddress
    this.#cluster.outliers?.onConnected(host)
    if (info.firstUpstreamTxMono === 0) info.firstUpstreamTxMono = nowMs()
    const { settings } = this.#route
    if (settings.autoHostRewrite && host.hostname !== '') {
      this.#route.setHost(this.#headers, byteString(host.hostname), this.#config.suppress)
    }
    const body = this.#body?.take()
    const empty = body === undefined || body.length === 0
    attempt.sendHeaders(this.#headers, this.#requestEnd && empty && this.#trailers === undefined)
    if (!empty) attempt.sendData(body, this.#requestEnd && this.#trailers === undefined)
    if (this.#trailers !== undefined) attempt.sendTrailers(this.#trailers)
    if (this.#requestEnd) this.#armPerTry()
    this.#body?.resume(this.callbacks.stream)
  }

  onResponseHeaders(attempt: Attempt, headers: HeaderMap, endStream: boolean): void {
    const now = nowMs()
    if (this.#perTryIdle !== undefined) this.#speaks(attempt)
    const { stream } = this.callbacks
    const { info } = stream
    const status = Number(headers.get(':status'))
    const { host } = attempt
    const cluster = this.#cluster
    judgeAnswer(cluster, host, headers, status)
    const { retry } = this.#limits
    if (retry !== undefined && retry.retries > 0 && retry.wantsStatus(status, headers)) {
      // There is already another try for one that was late.
      const retries = attempt === this.#attempt && this.#mayRetry(true, host, headers)
      if (retries || (this.#late !== undefined && (this.#underWay > 1 || this.#waits))) {
        countAnswer(host, status, false)
        if (this.#config.dynamicStats) cluster.stats.answers.retried(status)
        this.#giveUpAttempt(attempt, endStream)
        return
      }
    }
    if (
      this.#route.settings.redirects?.codes.has(status) === true &&
      this.#redirect(attempt, headers, status, endStream)
    )
      return
    countAnswer(host, status, true)
    this.#countGiven(status)
    if (this.#retries?.tried !== undefined && status < 500 && attempt === this.#attempt)
      cluster.stats.retrySuccess.value++
    if (this.#late !== undefined) this.#keepOnly(attempt)
    this.#retries?.end()
    this.#perTry?.cancel()
    this.#responseStarted = true
    this.#body?.forget()
    info.firstUpstreamRxMono = now
    info.responseCodeDetails = 'via_upstream'
    if (!this.#config.suppress && stream.requestComplete) {
      headers.put('x-envoy-upstream-service-time', String(Math.floor(now - this.#begun)))
    }
    if (this.#route.settings.includeAttemptCountInResponse)
      headers.put('x-envoy-attempt-count', String(info.attemptCount))
    info.responseHeaders = headers
    info.responseCode = status
    this.#route.finalizeResponse(headers, info)
    if (status === 101 || (stream.isUpgrade && status === 200)) this.#timeout.cancel()
    if (endStream) this.#upstreamDone(now)
    stream.startResponse(headers, endStream)
  }

  onResponseData(attempt: Attempt, data: BodyBuffer, endStream: boolean): void {
    if (this.#perTryIdle !== undefined) this.#speaks(attempt)
    if (endStream) this.#upstreamDone(nowMs())
    this.callbacks.stream.responseData(data, endStream)
  }

  onResponseTrailers(trailers: HeaderMap): void {
    this.#upstreamDone(nowMs())
    this.callbacks.stream.endResponse(trailers)
  }

  onAttemptFailed(attempt: Attempt, failure: UpstreamFailure, reason: string): void {
    const { host } = attempt
    const newest = attempt === this.#attempt
    const { info } = this.callbacks.stream
    const cluster = this.#cluster
    const connecting = failure === UpstreamFailure.ConnectFailure || failure === UpstreamFailure.ConnectTimeout
    const words = transportReason(reason)
    const text = failureText(failure, words)
    if (newest) info.upstreamHost = host
    if (connecting) info.upstreamTransportFailureReason = words
    if (failure !== UpstreamFailure.Overflow) countFailure(cluster, host, failure, connecting)
    this.#giveUpAttempt(attempt, true)
    if (this.#responseStarted) {
      info.responseFlags |= text.flag
      this.#reset(`upstream_reset_after_response_started{${text.details}}`)
      return
    }
    const { retry } = this.#limits
    const refused = failure === UpstreamFailure.RefusedStream
    if (
      retry !== undefined &&
      newest &&
      failure !== UpstreamFailure.Overflow &&
      this.#mayRetry(retry.wantsReset(connecting, attempt.headersSent && !refused, refused), host)
    )
      return
    if (this.#late !== undefined && (this.#underWay > 0 || this.#waits)) return
    info.responseFlags |= text.flag
    this.#refuseReset(failure, text)
  }

  onUpstreamBlocked(): void {
    this.callbacks.stream.pauseDownstream()
  }

  onUpstreamDrained(): void {
    this.callbacks.stream.resumeDownstream()
  }

  #tryOnce(): void {
    const { stream } = this.callbacks
    const { info } = stream
    const cluster = this.#cluster
    const { settings } = this.#route
    if (this.#retries !== undefined) this.#retries.waiting = false
    info.attemptCount++
    const elapsed = info.attemptCount === 1 ? 0 : nowMs() - this.#begun
    tellTimeLeft(this.#headers, this.#limits, elapsed, this.#config.suppress)
    if (settings.includeAttemptCount) this.#headers.put('x-envoy-attempt-count', String(info.attemptCount))
    const { breaker, stats } = cluster
    if (breaker.requests >= breaker.limits(settings.highPriority).maxRequests) {
      stats.pendingOverflow.value++
      if (this.#underWay > 0) return
      info.responseFlags |= ResponseFlag.UpstreamOverflow
      this.#refuseReset(UpstreamFailure.Overflow, failureText(UpstreamFailure.Overflow, ''))
      return
    }
    const host = chooseHost(cluster, this.#route, info, this.#retries)
    if (host === undefined) {
      stats.noHealthy.value++
      info.responseFlags |= ResponseFlag.NoHealthyUpstream
      this.#countGiven(503)
      this.#refuse(503, 'no healthy upstream', 'no_healthy_upstream')
      return
    }
    info.upstreamHost = host
    const span = stream.trace?.attempt(this.#headers, host, info.attemptCount, this.#config.childSpan)
    const attempt = new Attempt(this, cluster, host, span)
    this.#attempt = attempt
    attempt.start(settings.highPriority, settings.endsConnect && stream.isUpgrade)
  }

  /**
   * A try's time begins when it has a connection and the request is complete (Envoy's UpstreamRequest::setupPerTryTimeout). An answer
   * that has begun before is under the time of the route alone (UpstreamRequest::onPerTryTimeout).
   */
  #armPerTry(): void {
    const { perTryMs, perTryIdleMs } = this.#limits
    if (perTryIdleMs !== 0) {
      this.#perTryIdle ??= new Timeout(this, PER_TRY_IDLE)
      this.#perTryIdle.arm(perTryIdleMs)
    }
    if (perTryMs === 0 || this.#responseStarted) return
    this.#perTry ??= new Timeout(this, PER_TRY)
    this.#perTry.arm(perTryMs)
  }

  /** A try that is not silent gets its time anew. */
  #speaks(attempt: Attempt): void {
    if (attempt === this.#attempt && this.#perTryIdle?.armed === true) this.#perTryIdle.arm(this.#limits.perTryIdleMs)
  }

  /** The newest try is late: another one begins beside it, if retries are left. */
  #hedge(): void {
    const attempt = this.#attempt
    const { retry } = this.#limits
    if (attempt === undefined) return
    attempt.late = true
    this.#perTry?.cancel()
    this.#perTryIdle?.cancel()
    if (retry === undefined || !this.#mayRetry(true, attempt.host)) return
    this.#attempt = undefined
    this.#late ??= new LateAttempts()
    this.#late.add(attempt)
  }

  /** How many tries may still answer. */
  get #underWay(): number {
    return (this.#late?.size ?? 0) + (this.#attempt === undefined ? 0 : 1)
  }

  /** Follows a redirect where it may be; else the client gets it. */
  #redirect(attempt: Attempt, answer: HeaderMap, status: number, endStream: boolean): boolean {
    const { stream } = this.callbacks
    const able = this.#requestEnd && this.#bodyAtHand
    if (!redirects(stream, this.#route, able, answer, this.#cluster.stats, this.#config.redirectStats)) return false
    const body = turnsIntoGet(this.#headers, status) ? undefined : this.#body?.take()
    this.#giveUpAttempt(attempt, endStream)
    this.#end()
    stream.recreate(this.#headers, answer, body)
    return true
  }

  #countGiven(status: number): void {
    if (this.#config.dynamicStats) countGiven(this.#cluster, this.#headers, status)
  }

  /** One of several tries has the answer. */
  #keepOnly(winner: Attempt): void {
    const { info } = this.callbacks.stream
    if (this.#attempt !== winner) this.#attempt?.cancel()
    this.#attempt = winner
    this.#late?.cancelAll(winner)
    this.#late = undefined
    info.upstreamHost = winner.host
    info.upstreamLocalAddress = winner.localAddress
  }

  /** Starts a retry when it is wanted and allowed; `host`: who failed, `answer`: by what it said. */
  #mayRetry(wanted: boolean, host: EndpointHost | undefined, answer?: HeaderMap): boolean {
    const { retry } = this.#limits
    if (this.#waits) return true
    if (!wanted || retry === undefined) return false
    this.#retries ??= new Retries(retry, this.#cluster, this.#route.settings.highPriority, this, BACK_OFF)
    const hedges = this.#attempt?.late === true
    if (!this.#retries.begin(this.callbacks.stream.info, host, this.#bodyAtHand, hedges, answer)) return false
    this.#perTry?.cancel()
    this.#perTryIdle?.cancel()
    return true
  }

  get #waits(): boolean {
    return this.#retries?.waiting === true
  }

  get #bodyAtHand(): boolean {
    return this.#body?.whole === true || (this.#requestEnd && !this.#hasBody)
  }

  #giveUpAttempt(attempt: Attempt | undefined, complete = false, flag = 0): void {
    if (attempt === undefined) return
    if (attempt === this.#attempt) this.#attempt = undefined
    else this.#late?.remove(attempt)
    attempt.release()
    if (!complete) attempt.cancel(flag)
  }

  #requestSent(): void {
    this.callbacks.stream.info.lastUpstreamTxMono = nowMs()
    const { timeoutMs } = this.#limits
    if (this.#done) return
    if (timeoutMs > 0) this.#timeout.arm(timeoutMs)
    if (this.#attempt?.headersSent === true && this.#perTry?.armed !== true) this.#armPerTry()
  }

  #upstreamDone(now: number): void {
    const { info } = this.callbacks.stream
    info.lastUpstreamRxMono = now
    if (this.#config.dynamicStats) this.#cluster.stats.duration.record(now - this.#begun)
    this.#end()
    this.#attempt = undefined
  }

  #end(): void {
    if (this.#done) return
    this.#done = true
    this.#timeout.cancel()
    this.#perTry?.cancel()
    this.#perTryIdle?.cancel()
    this.#retries?.end()
    this.#attempt?.release()
    this.#late?.cancelAll()
  }

  /** False when the request was answered because it became too much to be tried again. */
  #keep(body: HeldBody, data: BodyBuffer, ready: boolean): boolean {
    const limit = this.#route.settings.bufferLimit ?? this.callbacks.stream.requestBufferLimit
    if (body.keep(data, limit, ready)) return true
    this.#limits.retry = undefined
    this.#cluster.stats.retryAbandoned.value++
    if (this.#attempt !== undefined) return true
    const details = 'request_payload_exceeded_retry_buffer_limit'
    this.#refuse(507, 'exceeded request buffer limit while retrying upstream', details)
    return false
  }

  #refuse(code: number, body: string, details: string): void {
    this.#end()
    this.callbacks.sendLocalReply(code, body, { details })
  }

  #reset(details: string): void {
    this.#end()
    this.callbacks.stream.info.responseCodeDetails = ''
    this.callbacks.resetStream(details)
  }

  #refuseReset(failure: UpstreamFailure, text: ResetText): void {
    this.#end()
    this.#countGiven(resetStatus(failure))
    answerReset(this.callbacks, failure, text, this.#retries?.tried !== undefined)
  }
}
