import { performance } from 'node:perf_hooks'
import type { OutlierDetection } from '../../../../gen/envoy/config/cluster/v3/outlier_detection_pb.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import type { StatsScope } from '../../stats/scope.ts'
import type { Cluster } from '../cluster.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { HealthFlag } from '../health-flag.ts'
import { EJECTIONS, type Ejection, type OutlierConfig, outlierConfig } from './outlier-config.ts'
import {
  highFailurePercentage,
  lowSuccessRate,
  NO_RATES,
  type Sample,
  type SuccessRates,
  successRates,
} from './success-rate.ts'

const { FailedOutlierCheck } = HealthFlag

/** Ejects hosts that fail, in a row or more than the others, for longer each time (Envoy's outlier detection). */
export class OutlierDetector {
  readonly #cluster: Cluster
  readonly #config: OutlierConfig
  readonly #stats: OutlierStats
  readonly #timer: NodeJS.Timeout
  #closed = false
  /** What answers were measured by at the end of the last interval, and whether hosts could be reached at all. */
  readonly rates: Record<Origin, SuccessRates> = { external: NO_RATES, local: NO_RATES }

  constructor(proto: OutlierDetection, cluster: Cluster, scope: StatsScope, path: string) {
    this.#cluster = cluster
    this.#config = outlierConfig(proto, `${path}.outlier_detection`)
    this.#stats = outlierStats(scope.scope('outlier_detection.'))
    this.#timer = setInterval(() => this.#onInterval(), this.#config.intervalMs).unref()
  }

  onResponse(host: EndpointHost, status: number): void {
    const { outlier } = host
    outlier.external.total++
    if (status < 500 || status > 599) {
      outlier.external.success++
      outlier.consecutive5xx = 0
      outlier.consecutiveGatewayFailure = 0
      return
    }
    const { consecutive5xx, consecutiveGatewayFailure } = this.#config
    if (status < 502 || status > 504) outlier.consecutiveGatewayFailure = 0
    else if (++outlier.consecutiveGatewayFailure === consecutiveGatewayFailure) {
      outlier.consecutiveGatewayFailure = 0
      this.#detected(host, 'consecutive_gateway_failure')
    }
    if (++outlier.consecutive5xx === consecutive5xx) {
      outlier.consecutive5xx = 0
      this.#detected(host, 'consecutive_5xx')
    }
  }

  /** No answer: it could not be connected to, broke off (`status` 503), or took too long (504). */
  onLocalFailure(host: EndpointHost, status = 503): void {
    if (!this.#config.split) {
      this.onResponse(host, status)
      return
    }
    const { outlier } = host
    outlier.local.total++
    if (++outlier.consecutiveLocalOriginFailure === this.#config.consecutiveLocalOriginFailure) {
      outlier.consecutiveLocalOriginFailure = 0
      this.#detected(host, 'consecutive_local_origin_failure')
    }
  }

  /** A connection is there for a request. */
  onConnected({ outlier }: EndpointHost): void {
    if (!this.#config.split) return
    outlier.local.total++
    outlier.local.success++
    outlier.consecutiveLocalOriginFailure = 0
  }

  /** A connection is there, and nobody will hear of an answer (TCP). */
  onConnectedOnly(host: EndpointHost): void {
    if (this.#config.split) this.onConnected(host)
    else this.onResponse(host, 200)
  }

  /** An active health check has passed. */
  onHealthCheckPassed(host: EndpointHost): void {
    if (this.#config.unejectByHealthCheck && isEjected(host)) {
      this.#uneject(host)
      this.#cluster.rebuild()
    }
  }

  removed(host: EndpointHost): void {
    if (isEjected(host)) this.#stats.active.value--
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    for (const host of this.#cluster.hosts) this.removed(host)
  }

  #detected(host: EndpointHost, kind: Ejection): void {
    // What was under way to a host that is gone says nothing about those that are there (Envoy, too), and nobody would bring it back.
    if (isEjected(host) || this.#closed || !this.#cluster.hosts.includes(host)) return
    const counts = this.#stats[kind]
    counts.detected.value++
    if (counts.older !== undefined) counts.older.value++
    if (!this.#mayEject()) {
      this.#stats.overflow.value++
      return
    }
    if (kind === 'consecutive_5xx' || kind === 'success_rate') this.#stats.total.value++
    const { enforcing, jitterMs, maxEjectionMs, baseEjectionMs } = this.#config
    if (Math.random() * 100 >= enforcing[kind]) return
    counts.enforced.value++
    this.#stats.enforcedTotal.value++
    this.#stats.active.value++
    const { outlier } = host
    if (baseEjectionMs * outlier.backOff < maxEjectionMs) outlier.backOff++
    outlier.ejectedAt = performance.now()
    outlier.jitterMs = Math.random() * jitterMs
    host.healthFlags |= FailedOutlierCheck
    this.#cluster.hostFails(host)
    this.#cluster.rebuild()
  }

  #mayEject(): boolean {
    const { maxEjectionPercent, alwaysEjectOne } = this.#config
    const { hosts } = this.#cluster
    const ejected = hosts.filter(isEjected).length
    const allowed =
      (ejected / hosts.length) * 100 < maxEjectionPercent && ((ejected + 1) / hosts.length) * 100 <= maxEjectionPercent
    return allowed || (ejected === 0 && alwaysEjectOne)
  }

  #onInterval(): void {
    const now = performance.now()
    let changed = false
    for (const host of this.#cluster.hosts) {
      const { outlier } = host
      if (!isEjected(host)) {
        // A host that stays good for an interval is ejected for less time the next time.
        if (outlier.backOff > 0) outlier.backOff--
        continue
      }
      const { baseEjectionMs, maxEjectionMs } = this.#config
      const lasts = Math.min(baseEjectionMs * outlier.backOff, maxEjectionMs) + outlier.jitterMs
      if (now - outlier.ejectedAt < lasts) continue
      this.#uneject(host)
      changed = true
    }
    if (changed) this.#cluster.rebuild()
    this.#compare('external', 'success_rate', 'failure_percentage')
    this.#compare('local', 'local_origin_success_rate', 'local_origin_failure_percentage')
  }

  #compare(origin: Origin, rate: Ejection, percentage: Ejection): void {
    const { successRate, failurePercentage } = this.#config
    const enough = Math.min(successRate.requestVolume, failurePercentage.requestVolume)
    const samples: Sample<EndpointHost>[] = []
    for (const host of this.#cluster.hosts) {
      const count = host.outlier[origin]
      const { total, success } = count
      const ejected = isEjected(host)
      if (!ejected) samples.push({ host, total, success })
      count.rate = ejected || total === 0 || total < enough ? -1 : (100 * success) / total
      count.total = 0
      count.success = 0
    }
    const rates = successRates(samples, successRate, successRate.stdevFactor)
    this.rates[origin] = rates
    for (const host of lowSuccessRate(samples, successRate, rates.threshold)) this.#detected(host, rate)
    for (const host of highFailurePercentage(samples, failurePercentage, failurePercentage.threshold))
      this.#detected(host, percentage)
  }

  #uneject(host: EndpointHost): void {
    host.healthFlags &= ~FailedOutlierCheck
    const { outlier } = host
    outlier.consecutive5xx = 0
    outlier.consecutiveGatewayFailure = 0
    outlier.consecutiveLocalOriginFailure = 0
    this.#stats.active.value--
  }
}

function isEjected(host: EndpointHost): boolean {
  return (host.healthFlags & FailedOutlierCheck) !== 0
}

/** Answers, or local: whether there was any. */
type Origin = 'external' | 'local'

interface EjectionStats {
  readonly detected: Cell
  readonly enforced: Cell
  /** Envoy's deprecated name for those that are detected. */
  readonly older: Cell | undefined
}

/** `cluster.<name>.outlier_detection.*` */
type OutlierStats = Readonly<Record<Ejection, EjectionStats>> & {
  readonly active: Cell
  readonly overflow: Cell
  /** Deprecated as well: also ejections that are not enforced, of two kinds. */
  readonly total: Cell
  readonly enforcedTotal: Cell
}

const OLDER: Readonly<Partial<Record<Ejection, string>>> = {
  consecutive_5xx: 'ejections_consecutive_5xx',
  success_rate: 'ejections_success_rate',
  local_origin_success_rate: 'ejections_success_rate',
}

function outlierStats(scope: StatsScope): OutlierStats {
  const kinds = EJECTIONS.map((kind) => [
    kind,
    {
      detected: scope.counter(`ejections_detected_${kind}`),
      enforced: scope.counter(`ejections_enforced_${kind}`),
      older: kind in OLDER ? scope.counter(OLDER[kind] as string) : undefined,
    },
  ])
  return {
    ...(Object.fromEntries(kinds) as Readonly<Record<Ejection, EjectionStats>>),
    active: scope.gauge('ejections_active'),
    overflow: scope.counter('ejections_overflow'),
    total: scope.counter('ejections_total'),
    enforcedTotal: scope.counter('ejections_enforced_total'),
  }
}
