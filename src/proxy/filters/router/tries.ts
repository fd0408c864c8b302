import type { HeaderMap } from '../../../base/header-map.ts'
import { nowMs } from '../../../base/read-clock.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import { UpstreamFailure } from '../../cluster/upstream.ts'
import type { RequestLimits } from '../../route/request-limits.ts'
import type { RetryPolicy } from '../../route/retry-policy.ts'
import type { RouteEntry } from '../../route/route-entry.ts'
import type { TimeoutOwner } from '../../timeout-queue.ts'
import { Attempt } from './attempt.ts'
import type { RouterConfig } from './config.ts'
import { failedToConnect } from './failure.ts'
import type { RouterFilter } from './filter.ts'
import { chooseHost } from './host.ts'
import { LateAttempts } from './late.ts'
import { tellTimeLeft } from './limits.ts'
import { Retries } from './retries.ts'

/** `Retried`: another try begins in its place. `Dropped`: others may still answer. */
export const AnswerFate = { Given: 0, Retried: 1, Dropped: 2 } as const
export type AnswerFate = (typeof AnswerFate)[keyof typeof AnswerFate]

/** The tries of a request: those under way, and whether there is another one. */
export class Tries implements TimeoutOwner {
  readonly limits: RequestLimits
  readonly #router: RouterFilter
  readonly #config: RouterConfig
  readonly #cluster: Cluster
  readonly #route: RouteEntry
  newest: Attempt | undefined
  /** Those that took longer than a try may, and that nevertheless may still answer (`hedge_on_per_try_timeout`). */
  #late: LateAttempts | undefined
  /** When there is another try; undefined: never. */
  #policy: RetryPolicy | undefined
  /** From the first failure on. */
  #retries: Retries | undefined

  constructor(router: RouterFilter, config: RouterConfig, cluster: Cluster, route: RouteEntry, limits: RequestLimits) {
    this.#router = router
    this.#config = config
    this.#cluster = cluster
    this.#route = route
    this.limits = limits
    this.#policy = limits.retry
  }

  /** Some host had the request before. */
  get retried(): boolean {
    return this.#retries?.tried !== undefined
  }

  /** Those that may still answer. */
  get attempts(): Attempt[] {
    const attempts = this.#late?.all ?? []
    if (this.newest !== undefined) attempts.push(this.newest)
    return attempts
  }

  /** Tells the upstream which try this is, and how long its answer is waited for: from when the request was complete. */
  announce(): void {
    const { info, requestHeaders } = this.#router.callbacks.stream
    const { lastUpstreamTxMono: complete, attemptCount } = info
    const elapsed = complete === 0 ? 0 : nowMs() - complete
    tellTimeLeft(requestHeaders, this.limits, elapsed, this.#config.suppress)
    if (this.#route.settings.includeAttemptCount) requestHeaders.put('x-envoy-attempt-count', String(attemptCount))
  }

  start(): void {
    const { stream } = this.#router.callbacks
    const { info, requestHeaders } = stream
    const { settings } = this.#route
    const { childSpan } = this.#config
    const cluster = this.#cluster
    const host = chooseHost(cluster, this.#route, info, this.#retries)
    if (host === undefined) {
      this.#router.onNoHost()
      return
    }
    info.upstreamHost = host
    // The connection of the try before: this one may get none.
    info.upstreamConnection = undefined
    const span = stream.trace?.attempt(requestHeaders, host, info.attemptCount, childSpan)
    const attempt = new Attempt(this.#router, cluster, settings.highPriority, host, span)
    this.newest = attempt
    attempt.start(settings.endsConnect && stream.isUpgrade)
  }

  /** The back-off of a retry is over. */
  onTimeout(): void {
    if (this.#retries !== undefined) this.#retries.waiting = false
    this.#router.callbacks.stream.info.attemptCount++
    this.announce()
    this.start()
  }

  /** What becomes of an answer. That of a try that was late is not tried again: another one began when it was late. */
  onAnswer(attempt: Attempt, status: number, answer: HeaderMap): AnswerFate {
    const policy = this.#policy
    if (policy === undefined) return AnswerFate.Given
    const newest = attempt === this.newest
    if (!policy.wantsStatus(status, answer)) {
      if (newest) this.#retries?.succeed()
      return AnswerFate.Given
    }
    if (newest && this.#retry(attempt.host, answer)) return AnswerFate.Retried
    return this.#late !== undefined && (this.#underWay > 1 || this.#waits) ? AnswerFate.Dropped : AnswerFate.Given
  }

  /** Whether there is another try after one that broke, and is no longer among these. */
  retriesFailure({ host, headersSent }: Attempt, failure: UpstreamFailure): boolean {
    const refused = failure === UpstreamFailure.RefusedStream
    return this.#retriesReset(host, failedToConnect(failure), headersSent, refused)
  }

  retriesTimeout(host: EndpointHost): boolean {
    return this.#retriesReset(host, false, true, false)
  }

  /** A circuit breaker lets no try begin, and none in its place. */
  overflowed(): void {
    if (this.#policy !== undefined) this.#retries?.succeed()
  }

  /** Whether other tries may still answer. */
  get goesOn(): boolean {
    return this.#late !== undefined && (this.#underWay > 0 || this.#waits)
  }

  /** The newest try is late: another one begins beside it, if retries are left. */
  hedge(attempt: Attempt): void {
    attempt.becomeLate()
    if (this.#policy === undefined || !this.#retry(attempt.host)) return
    this.newest = undefined
    this.#late ??= new LateAttempts()
    this.#late.add(attempt)
  }

  /** The request has become too much to be sent again. */
  abandonRetries(): void {
    this.#policy = undefined
    this.#cluster.stats.retryAbandoned.value++
  }

  /** One of several tries has the answer. */
  keepOnly(winner: Attempt): void {
    this.#retries?.end()
    if (this.#late === undefined) return
    if (this.newest !== winner) this.newest?.cancel()
    this.newest = winner
    this.#late.cancelAll(winner)
    this.#late = undefined
    const { info } = this.#router.callbacks.stream
    info.upstreamHost = winner.host
    info.upstreamConnection = winner.connection
  }

  /** `complete`: there is nothing of it to stop. */
  giveUp(attempt: Attempt | undefined, complete: boolean, flag = 0): void {
    if (attempt === undefined) return
    if (attempt === this.newest) this.newest = undefined
    else this.#late?.remove(attempt)
    attempt.release()
    if (!complete) attempt.cancel(flag)
  }

  /** There is no more to be tried. */
  end(): void {
    this.#retries?.end()
    this.#late?.cancelAll()
  }

  get #underWay(): number {
    return (this.#late?.size ?? 0) + (this.newest === undefined ? 0 : 1)
  }

  get #waits(): boolean {
    return this.#retries?.waiting === true
  }

  #retriesReset(host: EndpointHost, connectFailure: boolean, sent: boolean, refused: boolean): boolean {
    const policy = this.#policy
    if (policy === undefined) return false
    if (policy.wantsReset(connectFailure, sent, refused)) return this.#retry(host)
    this.#retries?.succeed()
    return false
  }

  /** Begins a retry where it is allowed; `host`: who failed, `answer`: by what it said. */
  #retry(host: EndpointHost, answer?: HeaderMap): boolean {
    const policy = this.#policy
    if (policy === undefined) return false
    this.#retries ??= new Retries(policy, this.#cluster, this.#route.settings.highPriority, this)
    const { callbacks, bodyAtHand } = this.#router
    return this.#retries.begin(callbacks.stream.info, host, bodyAtHand, answer)
  }
}
