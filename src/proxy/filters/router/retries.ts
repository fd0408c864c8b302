import type { HeaderMap } from '../../../base/header-map.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import { ResponseFlag, type StreamInfo } from '../../http/stream-info.ts'
import type { RetryPolicy } from '../../route/retry-policy.ts'
import { Timeout, type TimeoutOwner } from '../../timeout-queue.ts'

/** The retries of a request, from its first failure on (Envoy's RetryStateImpl). */
export class Retries {
  readonly policy: RetryPolicy
  readonly #cluster: Cluster
  readonly #highPriority: boolean
  readonly #backOff: Timeout
  #left: number
  /** Who had the request before. */
  tried: EndpointHost[] | undefined
  /** The next try waits for its turn. */
  waiting = false
  #counted = false

  constructor(policy: RetryPolicy, cluster: Cluster, highPriority: boolean, owner: TimeoutOwner) {
    this.policy = policy
    this.#cluster = cluster
    this.#highPriority = highPriority
    this.#backOff = new Timeout(owner, 0)
    this.#left = policy.retries
  }

  /**
   * Begins another try, if one is left and the limits of the cluster allow it. `bodyAtHand`: there is all that has to be sent again;
   * `answer`: what the failed one answered, where it did.
   */
  begin(info: StreamInfo, failed: EndpointHost, bodyAtHand: boolean, answer: HeaderMap | undefined): boolean {
    const { policy } = this
    const { stats } = this.#cluster
    if (!this.#take(info, this.#left > 0 && bodyAtHand)) return false
    this.waiting = true
    stats.retries.value++
    this.#counted = true
    this.tried ??= []
    this.tried.push(failed)
    const resetMs = answer === undefined ? 0 : policy.resetMs(answer)
    if (resetMs > 0) {
      stats.retryResets.value++
      // No sooner than it was told to (Envoy's JitteredLowerBoundBackOffStrategy).
      this.#backOff.arm(resetMs + Math.floor(Math.random() * (resetMs / 2)))
      return true
    }
    stats.retryBackOffs.value++
    this.#backOff.arm(Math.max(1, Math.round(policy.backOff(this.tried.length))))
    return true
  }

  /** The newest try is not tried again, whatever came of it: as in Envoy that counts as the success of the retry. */
  succeed(): void {
    if (this.#counted) this.#cluster.stats.retrySuccess.value++
    this.#uncount()
  }

  /** There is an answer, or no request any more: a try that waits is not needed. */
  end(): void {
    this.#backOff.cancel()
    this.#uncount()
  }

  /**
   * `left`: there is one left, and its body is at hand. Where there is none, the retry before it goes on: a try that is late may still
   * answer, and that is a success of the retry.
   */
  #take(info: StreamInfo, left: boolean): boolean {
    const { stats, breaker } = this.#cluster
    if (!left) {
      stats.retryLimit.value++
      info.responseFlags |= ResponseFlag.UpstreamRetryLimitExceeded
      return false
    }
    this.#left--
    this.#uncount()
    const { retries, maxRetries } = breaker.of(this.#highPriority)
    if (retries.take(maxRetries)) return true
    stats.retryOverflow.value++
    info.responseFlags |= ResponseFlag.UpstreamOverflow
    return false
  }

  #uncount(): void {
    if (!this.#counted) return
    this.#counted = false
    this.#cluster.breaker.of(this.#highPriority).retries.free()
  }
}
