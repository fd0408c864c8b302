import type { BodyBuffer } from '../../../base/body-buffer.ts'
import { byteString } from '../../../base/byte-string.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { nowMs } from '../../../base/read-clock.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import { countAnswer, countFailure, countTimeout, judgeAnswer } from '../../cluster/tally.ts'
import { resetStatus, UpstreamFailure } from '../../cluster/upstream.ts'
import type { HttpFilter } from '../../http/filter.ts'
import type { FilterHandle } from '../../http/filter-handle.ts'
import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from '../../http/filter-status.ts'
import { fixLength } from '../../http/fix-length.ts'
import { recreate } from '../../http/recreate.ts'
import { ResponseFlag } from '../../http/stream-info.ts'
import type { UpstreamControl } from '../../http/throttle.ts'
import type { MetadataMap } from '../../metadata-map.ts'
import type { RouteEntry } from '../../route/route-entry.ts'
import { Timeout, type TimeoutOwner } from '../../timeout-queue.ts'
import type { Attempt } from './attempt.ts'
import { HeldBody } from './body.ts'
import type { RouterConfig } from './config.ts'
import { destination } from './destination.ts'
import {
  answerSelf,
  failedToConnect,
  failureText,
  type OwnAnswer,
  type ResetText,
  resetBody,
  transportReason,
} from './failure.ts'
import { requestLimits } from './limits.ts'
import { type Mirror, startMirrors } from './mirror.ts'
import { redirects, turnsIntoGet } from './redirect.ts'
import { AnswerFate, Tries } from './tries.ts'

/** `envoy.filters.http.router`: the end of every chain, which forwards, retries, mirrors, redirects or answers. */
export class RouterFilter implements HttpFilter, UpstreamControl, TimeoutOwner {
  readonly callbacks: FilterHandle
  readonly #clusters: ClusterManager
  readonly #config: RouterConfig
  readonly #timeout = new Timeout(this, 0)
  #route!: RouteEntry
  #cluster!: Cluster
  #tries!: Tries
  #mirrors: Mirror[] | undefined
  /** The request is on its way, and its answer not over. */
  #active = false
  #requestEnd = false
  /** By what came here: not by what the client sent, which a filter may have added to, and a redirect by 303 has dropped. */
  #hasBody = false
  #responseStarted = false
  #tunnel = false
  #body: HeldBody | undefined
  #trailers: HeaderMap | undefined

  constructor(callbacks: FilterHandle, clusters: ClusterManager, config: RouterConfig) {
    this.callbacks = callbacks
    this.#clusters = clusters
    this.#config = config
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { stream } = this.callbacks
    const route = stream.route()
    const { suppress, respectExpected, stats } = this.#config
    stats.all.value++
    const cluster = destination(this.callbacks, route, this.#clusters, headers, suppress, stats)
    if (route === undefined || cluster === undefined) return FilterHeadersStatus.StopIteration
    const { settings } = route
    this.#route = route
    this.#cluster = cluster
    this.#requestEnd = endStream
    // Headers that are added can tell it.
    stream.info.attemptCount = 1
    route.finalizeRequest(headers, stream.info, suppress)
    const limits = requestLimits(headers, settings, respectExpected)
    if (!endStream) {
      fixLength(headers, stream.requestBuffer, stream.requestComplete, stream.requestTrailers)
      const retries = limits.retry !== undefined && limits.retry.on !== 0
      if (retries || settings.redirects !== undefined) this.#body = new HeldBody(true)
    }
    this.#tries = new Tries(this, this.#config, cluster, route, limits)
    this.#active = true
    stream.upstream = this
    this.#tries.announce()
    // What goes to a host may be changed for it.
    const copied = settings.mirrors.length > 0 ? headers.clone() : undefined
    this.#tries.start()
    if (copied !== undefined && this.#active)
      this.#mirrors = startMirrors(settings.mirrors, this.#clusters, stream, copied, endStream, limits.timeoutMs)
    if (endStream) this.#requestSent()
    return this.#active ? FilterHeadersStatus.Continue : FilterHeadersStatus.StopIteration
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (!this.#active) return FilterDataStatus.StopIterationNoBuffer
    if (endStream) this.#requestEnd = true
    if (data.length > 0) this.#hasBody = true
    const body = this.#body
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.data(data, endStream)
    const { newest } = this.#tries
    const ready = newest?.headersSent === true
    if (body?.whole === true && !this.#keep(body, data, ready)) return FilterDataStatus.StopIterationNoBuffer
    if (ready) newest.sendData(data, endStream)
    else {
      this.#body ??= new HeldBody(false)
      this.#body.hold(data, this.callbacks.stream)
    }
    if (endStream) this.#requestSent()
    return FilterDataStatus.Continue
  }

  decodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (!this.#active) return FilterTrailersStatus.StopIteration
    this.#requestEnd = true
    this.#trailers = trailers
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.trailers(trailers)
    const { newest } = this.#tries
    if (newest?.headersSent === true) newest.sendTrailers(trailers)
    this.#requestSent()
    return FilterTrailersStatus.Continue
  }

  decodeMetadata(map: MetadataMap): void {
    if (this.#active) this.#tries.newest?.sendMetadata(map)
  }

  onDestroy(): void {
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.end()
    if (!this.#active) return
    this.#end()
    this.#tries.giveUp(this.#tries.newest, false)
  }

  pauseUpstream(): void {
    this.#tries.newest?.pauseReading()
  }

  resumeUpstream(): void {
    this.#tries.newest?.resumeReading()
  }

  /** There is all that has to be sent to begin again. */
  get bodyAtHand(): boolean {
    return this.#body?.whole === true || (this.#requestEnd && !this.#hasBody)
  }

  /** The time of the route is over. */
  onTimeout(): void {
    const tries = this.#tries
    const { newest, attempts, limits } = tries
    const started = this.#responseStarted
    if (newest?.connection !== undefined && !started && !newest.late)
      this.#cluster.outliers?.onLocalFailure(newest.host, limits.timeoutCode)
    // Once for each try that might still have answered, as in Envoy; who waits for a connection has no host there.
    for (const { host, connection } of attempts) {
      this.#cluster.stats.timeouts.value++
      if (connection !== undefined) countTimeout(host, !started)
      if (!started) this.#countGiven(limits.timeoutCode)
    }
    tries.giveUp(newest, false)
    this.#timedOut('response_timeout')
  }

  // From the tries

  /** A try took too long as a whole, or in silence (`idle`). */
  onPerTryTimeout(attempt: Attempt, idle: boolean): void {
    const { outliers, stats } = this.#cluster
    const tries = this.#tries
    const { host } = attempt
    const started = this.#responseStarted
    outliers?.onLocalFailure(host, tries.limits.timeoutCode)
    if (tries.limits.hedges) {
      if (!started) tries.hedge(attempt)
      return
    }
    const counter = idle ? stats.perTryIdleTimeouts : stats.perTryTimeouts
    counter.value++
    countTimeout(host, !started || attempt.undecided)
    tries.giveUp(attempt, false, ResponseFlag.UpstreamRequestTimeout)
    if (!started) {
      if (tries.retriesTimeout(host)) return
      this.#countGiven(tries.limits.timeoutCode)
    } else if (attempt.undecided) this.#config.brokenCalls.value++
    this.#timedOut(idle ? 'upstream_per_try_idle_timeout' : 'upstream_per_try_timeout')
  }

  /** The stream of a try lasted longer than it may (Filter::onStreamMaxDurationReached). */
  onTooLong(attempt: Attempt): void {
    const tries = this.#tries
    const { stream } = this.callbacks
    const { requestComplete, info } = stream
    const newest = attempt === tries.newest
    this.#cluster.stats.durationReached.value++
    tries.giveUp(attempt, false, ResponseFlag.UpstreamMaxStreamDurationReached)
    if (newest && !this.#responseStarted && tries.retriesTimeout(attempt.host)) {
      attempt.host.errors++
      return
    }
    info.responseFlags |= ResponseFlag.UpstreamMaxStreamDurationReached
    const [body, details] = ['upstream max stream duration reached', 'upstream_max_stream_duration_reached']
    if (this.#responseStarted) this.#reset(details)
    else this.#refuse({ code: requestComplete ? 504 : 408, body, details })
  }

  onNoHost(): void {
    const { info } = this.callbacks.stream
    this.#cluster.stats.noHealthy.value++
    info.responseFlags |= ResponseFlag.NoHealthyUpstream
    this.#countGiven(503)
    this.#refuse({ code: 503, body: 'no healthy upstream', details: 'no_healthy_upstream' })
  }

  onOverflow(): void {
    this.#tries.overflowed()
    this.#broke(UpstreamFailure.Overflow, failureText(UpstreamFailure.Overflow, ''))
  }

  onAttemptReady(attempt: Attempt): void {
    const { info, requestHeaders } = this.callbacks.stream
    const { host } = attempt
    info.upstreamHost = host
    info.upstreamConnection = attempt.connection
    this.#cluster.outliers?.onConnected(host)
    if (info.firstUpstreamTxMono === 0) info.firstUpstreamTxMono = nowMs()
    const { durationMs } = this.#tries.limits
    if (durationMs > 0) attempt.limitDuration(durationMs)
    const route = this.#route
    if (route.settings.autoHostRewrite && host.hostname !== '')
      route.setHost(requestHeaders, byteString(host.hostname), this.#config.suppress)
    const body = this.#body?.take()
    const empty = body === undefined || body.length === 0
    attempt.sendHeaders(requestHeaders, this.#requestEnd && empty && this.#trailers === undefined)
    if (!empty) attempt.sendData(body, this.#requestEnd && this.#trailers === undefined)
    if (this.#trailers !== undefined) attempt.sendTrailers(this.#trailers)
    if (this.#requestEnd) attempt.startTime(this.#tries.limits, this.#responseStarted)
    this.#body?.resume(this.callbacks.stream)
  }

  onResponseHeaders(attempt: Attempt, headers: HeaderMap, endStream: boolean): void {
    const now = nowMs()
    const { stream } = this.callbacks
    const { host } = attempt
    const cluster = this.#cluster
    const route = this.#route
    const tries = this.#tries
    const { suppress } = this.#config
    const status = Number(headers.get(':status'))
    judgeAnswer(cluster, host, stream.requestHeaders, headers, status)
    const fate = tries.onAnswer(attempt, status, headers)
    if (fate !== AnswerFate.Given) {
      host.errors++
      if (fate === AnswerFate.Retried) cluster.stats.answers.retried(status)
      tries.giveUp(attempt, endStream)
      return
    }
    const follows = route.settings.redirects?.codes.has(status) === true
    if (follows && this.#redirect(attempt, headers, status, endStream)) return
    attempt.undecided = countAnswer(host, stream.requestHeaders, headers, status, endStream)
    this.#countGiven(status)
    tries.keepOnly(attempt)
    attempt.answers()
    this.#responseStarted = true
    this.#body?.forget()
    const { info } = stream
    info.firstUpstreamRxMono = now
    info.responseCodeDetails = 'via_upstream'
    const sentAt = stream.info.lastUpstreamTxMono
    if (!suppress && sentAt !== 0) headers.put('x-envoy-upstream-service-time', String(Math.floor(now - sentAt)))
    if (route.settings.includeAttemptCountInResponse) headers.put('x-envoy-attempt-count', String(info.attemptCount))
    info.responseHeaders = headers
    info.responseCode = status
    route.finalizeResponse(headers, info)
    // No time of the route's holds for a tunnel, also where one of its sides has ended.
    if (status === 101 || (stream.isUpgrade && status >= 200 && status < 300)) {
      this.#tunnel = true
      this.#timeout.cancel()
    }
    if (endStream) this.#upstreamDone(now)
    stream.startResponse(headers, endStream)
  }

  onResponseData(data: BodyBuffer, endStream: boolean): void {
    if (endStream) this.#upstreamDone(nowMs())
    this.callbacks.stream.responseData(data, endStream)
  }

  onResponseTrailers(trailers: HeaderMap): void {
    this.#upstreamDone(nowMs())
    this.callbacks.stream.endResponse(trailers)
  }

  onAttemptFailed(attempt: Attempt, failure: UpstreamFailure, reason: string): void {
    const { host } = attempt
    const tries = this.#tries
    const newest = attempt === tries.newest
    const { stream } = this.callbacks
    const { info } = stream
    const words = transportReason(reason)
    const text = failureText(failure, words)
    if (newest) info.upstreamHost = host
    if (failedToConnect(failure)) info.upstreamTransportFailureReason = words
    if (failure !== UpstreamFailure.Overflow)
      countFailure(this.#cluster, host, !this.#responseStarted || attempt.undecided)
    tries.giveUp(attempt, true)
    if (this.#responseStarted) {
      if (attempt.undecided) this.#config.brokenCalls.value++
      info.responseFlags |= text.flag
      stream.tunnelBroke = stream.isUpgrade && failure === UpstreamFailure.ConnectionTermination
      this.#reset(`upstream_reset_after_response_started{${text.details}}`)
    } else if (failure === UpstreamFailure.Overflow) this.onOverflow()
    else if (!newest || !tries.retriesFailure(attempt, failure)) this.#broke(failure, text)
  }

  onUpstreamBlocked(): void {
    this.callbacks.stream.pauseDownstream()
  }

  onUpstreamDrained(): void {
    this.callbacks.stream.resumeDownstream()
  }

  /** Follows a redirect where it may be; else the client gets it. */
  #redirect(attempt: Attempt, answer: HeaderMap, status: number, endStream: boolean): boolean {
    const { stream } = this.callbacks
    const able = this.#requestEnd && this.bodyAtHand
    if (!redirects(stream, this.#route, able, answer, this.#cluster.stats, this.#config.redirectStats)) return false
    const { requestHeaders } = stream
    const body = turnsIntoGet(requestHeaders, status) ? undefined : this.#body?.take()
    this.#tries.keepOnly(attempt)
    this.#tries.giveUp(attempt, endStream)
    this.#end()
    recreate(stream, requestHeaders, answer, body)
    return true
  }

  #countGiven(status: number): void {
    if (!this.#config.dynamicStats) return
    const internal = this.callbacks.stream.requestHeaders.get('x-envoy-internal') === 'true'
    this.#cluster.stats.answers.given(status, internal)
  }

  #requestSent(): void {
    this.callbacks.stream.info.lastUpstreamTxMono = nowMs()
    if (!this.#active) return
    const { newest, limits } = this.#tries
    if (limits.timeoutMs > 0 && !this.#tunnel) this.#timeout.arm(limits.timeoutMs)
    if (newest?.headersSent === true) newest.startTime(limits, this.#responseStarted)
  }

  #upstreamDone(now: number): void {
    const { info } = this.callbacks.stream
    const tries = this.#tries
    info.lastUpstreamRxMono = now
    if (this.#config.dynamicStats && info.lastUpstreamTxMono !== 0)
      this.#cluster.stats.duration.record(now - info.lastUpstreamTxMono)
    this.#end()
    tries.giveUp(tries.newest, true)
  }

  #end(): void {
    this.#active = false
    this.#timeout.cancel()
    this.#tries.end()
  }

  /** False when the request was answered because it became too much to be tried again. */
  #keep(body: HeldBody, data: BodyBuffer, ready: boolean): boolean {
    const limit = this.#route.settings.bufferLimit ?? this.callbacks.stream.requestBufferLimit
    if (body.keep(data, limit, ready)) return true
    this.#tries.abandonRetries()
    if (this.#tries.newest !== undefined) return true
    const details = 'request_payload_exceeded_retry_buffer_limit'
    this.#refuse({ code: 507, body: 'exceeded request buffer limit while retrying upstream', details })
    return false
  }

  #timedOut(details: string): void {
    this.callbacks.stream.info.responseFlags |= ResponseFlag.UpstreamRequestTimeout
    if (this.#responseStarted) this.#reset(details)
    else {
      const code = this.#tries.limits.timeoutCode
      this.#refuse({ code, body: code === 504 ? 'upstream request timeout' : '', details })
    }
  }

  #refuse(answer: OwnAnswer): void {
    this.#end()
    answerSelf(this.callbacks, answer, this.#route.settings.includeAttemptCountInResponse)
  }

  #reset(details: string): void {
    this.#end()
    this.callbacks.stream.info.responseCodeDetails = ''
    this.callbacks.resetStream(details)
  }

  /** A try broke, and there is none in its place. As in Envoy it counts like an answer, also while others may still answer. */
  #broke(failure: UpstreamFailure, text: ResetText): void {
    const code = resetStatus(failure)
    this.#countGiven(code)
    if (this.#tries.goesOn) return
    this.callbacks.stream.info.responseFlags |= text.flag
    const details = `upstream_reset_before_response_started{${text.details}}`
    const overloaded = failure === UpstreamFailure.Overflow && !this.#config.suppress
    this.#refuse({ code, body: resetBody(text, this.#tries.retried), details, overloaded })
  }
}
