import { type HealthCheck, HealthCheckSchema } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import type { StatsScope } from '../../stats/scope.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { HealthFlag } from '../health-flag.ts'
import { type HealthStats, healthStats } from './health-stats.ts'
import { type CheckIntervals, checkIntervals } from './intervals.ts'
import { healthProbe } from './make-probe.ts'
import type { Probe, ProbeFactory, ProbeOutcome } from './probe.ts'

interface Watched {
  readonly probe: Probe
  /** What this check says of the host; of `HealthFlag`. */
  flags: number
  timer: NodeJS.Timeout | undefined
  good: number
  bad: number
  /** The first answer decides alone (Envoy: no thresholds before the first). */
  first: boolean
}

const FIELDS = [
  'name',
  'timeout',
  'interval',
  'initial_jitter',
  'interval_jitter',
  'interval_jitter_percent',
  'unhealthy_threshold',
  'healthy_threshold',
  'http_health_check',
  'tcp_health_check',
  'grpc_health_check',
  'no_traffic_interval',
  'no_traffic_healthy_interval',
  'unhealthy_interval',
  'unhealthy_edge_interval',
  'healthy_edge_interval',
  'reuse_connection',
]

/** What a health check asks of the cluster that it is for. */
export interface CheckOwner {
  readonly clusterName: string
  /** `cluster.<name>.` */
  readonly scope: StatsScope
  /** Some connection was ever made to the cluster. */
  readonly hasTraffic: boolean
  /** There is news of a host; `healthy`: the last answer was good, whatever the thresholds make of it. */
  onCheckResult(host: EndpointHost, healthy: boolean): void
}

/** One health check of a cluster, for all of its hosts. */
export class HealthChecker {
  readonly #owner: CheckOwner
  readonly #stats: HealthStats
  readonly #probe: ProbeFactory
  readonly #intervals: CheckIntervals
  readonly #healthyThreshold: number
  readonly #unhealthyThreshold: number
  readonly #watched = new Map<EndpointHost, Watched>()

  constructor(check: HealthCheck, owner: CheckOwner, path: string) {
    onlyFields(HealthCheckSchema, check, FIELDS, path)
    if (check.healthyThreshold === 0) throw invalid(`${path}.healthy_threshold`, 'must be at least 1')
    if (check.unhealthyThreshold === 0) throw invalid(`${path}.unhealthy_threshold`, 'must be at least 1')
    this.#owner = owner
    this.#intervals = checkIntervals(check, path)
    this.#healthyThreshold = check.healthyThreshold ?? 1
    this.#unhealthyThreshold = check.unhealthyThreshold ?? 1
    this.#probe = healthProbe(check, owner.clusterName, path)
    this.#stats = healthStats(owner.scope, check.name)
  }

  /** `flags`: what to say of it before the first answer. */
  added(host: EndpointHost, flags: number): void {
    const watched: Watched = { probe: this.#probe(host), flags, timer: undefined, good: 0, bad: 0, first: true }
    this.#watched.set(host, watched)
    const { initialJitterMs } = this.#intervals
    if (initialJitterMs === 0) process.nextTick(() => this.#check(host, watched))
    else this.#later(host, watched, Math.random() * initialJitterMs)
  }

  /** Whether it was watched. */
  removed(host: EndpointHost): boolean {
    const watched = this.#watched.get(host)
    if (watched === undefined) return false
    clearTimeout(watched.timer)
    watched.probe.close()
    this.#watched.delete(host)
    this.#stats.hosts.change(watched.flags, HealthFlag.FailedActiveCheck)
    return true
  }

  /** What this check says of a host; undefined before its first answer. */
  flagsOf(host: EndpointHost): number | undefined {
    const watched = this.#watched.get(host)
    return watched === undefined || watched.first ? undefined : watched.flags
  }

  /** The host says that it fails: no threshold is waited for, and the next check comes in its time. */
  failedAtOnce(host: EndpointHost): void {
    const watched = this.#watched.get(host)
    if (watched === undefined) return
    const before = watched.flags
    watched.first = false
    watched.good = 0
    watched.bad = 0
    watched.flags = (before & ~HealthFlag.PendingActiveCheck) | HealthFlag.FailedActiveCheck | HealthFlag.ImmediateFail
    this.#stats.failure.value++
    this.#stats.passiveFailure.value++
    this.#stats.hosts.change(before, watched.flags)
    this.#owner.onCheckResult(host, false)
  }

  #later(host: EndpointHost, watched: Watched, ms: number): void {
    watched.timer = setTimeout(() => this.#check(host, watched), ms).unref()
  }

  #check(host: EndpointHost, watched: Watched): void {
    if (this.#watched.get(host) !== watched) return
    this.#stats.attempt.value++
    watched.probe.check((outcome) => {
      const before = watched.flags
      const changing = this.#result(watched, outcome)
      const healthy = outcome === 'healthy' || outcome === 'degraded'
      const { hasTraffic } = this.#owner
      this.#later(host, watched, this.#intervals.next({ healthy, changing, hasTraffic }))
      this.#stats.hosts.change(before, watched.flags)
      this.#owner.onCheckResult(host, healthy)
    })
  }

  /** Whether a threshold is waited for. */
  #result(watched: Watched, outcome: ProbeOutcome): boolean {
    const { first } = watched
    const failed = (watched.flags & HealthFlag.FailedActiveCheck) !== 0
    watched.first = false
    watched.flags &= ~HealthFlag.PendingActiveCheck
    if (outcome === 'healthy' || outcome === 'degraded') {
      this.#stats.success.value++
      watched.bad = 0
      if (outcome === 'degraded') watched.flags |= HealthFlag.DegradedActiveCheck
      else watched.flags &= ~HealthFlag.DegradedActiveCheck
      if (!failed) return false
      if (!first && ++watched.good < this.#healthyThreshold) return true
      watched.good = 0
      watched.flags &= ~(HealthFlag.FailedActiveCheck | HealthFlag.ImmediateFail)
      return false
    }
    this.#stats.failure.value++
    if (outcome === 'failed') this.#stats.networkFailure.value++
    watched.good = 0
    if (failed) return false
    if (outcome === 'failed' && ++watched.bad < this.#unhealthyThreshold) return true
    watched.bad = 0
    watched.flags |= HealthFlag.FailedActiveCheck
    return false
  }
}
