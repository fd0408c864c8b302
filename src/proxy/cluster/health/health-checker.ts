import { type HealthCheck, HealthCheckSchema } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { invalid, onlyFields, unsupported } from '../../config/fields.ts'
import type { Cluster } from '../cluster.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { HealthFlag } from '../health-flag.ts'
import { type CheckIntervals, checkIntervals } from './intervals.ts'
import { healthProbe } from './make-probe.ts'
import type { Probe, ProbeFactory, ProbeOutcome } from './probe.ts'

interface Watched {
  readonly probe: Probe
  timer: NodeJS.Timeout | undefined
  good: number
  bad: number
  /** The first answer decides alone (Envoy: no thresholds before the first). */
  first: boolean
}

const FIELDS = [
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

/** Active health checks of one cluster. */
export class HealthChecker {
  readonly #cluster: Cluster
  readonly #probe: ProbeFactory
  readonly #intervals: CheckIntervals
  readonly #healthyThreshold: number
  readonly #unhealthyThreshold: number
  readonly #watched = new Map<EndpointHost, Watched>()

  constructor(checks: readonly HealthCheck[], cluster: Cluster, path: string) {
    const where = `${path}.health_checks`
    if (checks.length > 1) throw unsupported(where, 'more than one health check')
    const check = checks[0]
    onlyFields(HealthCheckSchema, check, FIELDS, `${where}[0]`)
    if (check.healthyThreshold === 0) throw invalid(`${where}[0].healthy_threshold`, 'must be at least 1')
    if (check.unhealthyThreshold === 0) throw invalid(`${where}[0].unhealthy_threshold`, 'must be at least 1')
    this.#cluster = cluster
    this.#intervals = checkIntervals(check, `${where}[0]`)
    this.#healthyThreshold = check.healthyThreshold ?? 1
    this.#unhealthyThreshold = check.unhealthyThreshold ?? 1
    this.#probe = healthProbe(check, cluster.name, `${where}[0]`)
  }

  added(host: EndpointHost): void {
    if (!host.settings.healthChecked) return
    // Nobody knows yet: no traffic before the first answer, unless all are so (panic).
    host.healthFlags |= HealthFlag.FailedActiveCheck
    if (this.#cluster.config.ignoreNewHosts) host.healthFlags |= HealthFlag.PendingActiveCheck
    const watched: Watched = { probe: this.#probe(host), timer: undefined, good: 0, bad: 0, first: true }
    this.#watched.set(host, watched)
    const { initialJitterMs } = this.#intervals
    if (initialJitterMs === 0) process.nextTick(() => this.#check(host, watched))
    else this.#later(host, watched, Math.random() * initialJitterMs)
  }

  removed(host: EndpointHost): void {
    const watched = this.#watched.get(host)
    clearTimeout(watched?.timer)
    watched?.probe.close()
    this.#watched.delete(host)
  }

  close(): void {
    for (const host of [...this.#watched.keys()]) this.removed(host)
  }

  #later(host: EndpointHost, watched: Watched, ms: number): void {
    watched.timer = setTimeout(() => this.#check(host, watched), ms).unref()
  }

  #check(host: EndpointHost, watched: Watched): void {
    if (this.#watched.get(host) !== watched) return
    const { stats } = this.#cluster
    stats.checkAttempt.value++
    watched.probe.check((outcome) => {
      const before = host.healthFlags
      const changing = this.#result(host, watched, outcome)
      const healthy = outcome === 'healthy' || outcome === 'degraded'
      this.#later(host, watched, this.#intervals.next({ healthy, changing, hasTraffic: stats.connections.value > 0 }))
      if (host.healthFlags !== before) this.#cluster.healthChanged(host, before)
      if (healthy) this.#cluster.outliers?.onHealthCheckPassed(host)
    })
  }

  /** Whether a threshold is waited for. */
  #result(host: EndpointHost, watched: Watched, outcome: ProbeOutcome): boolean {
    const { stats } = this.#cluster
    const { first } = watched
    const failed = (host.healthFlags & HealthFlag.FailedActiveCheck) !== 0
    watched.first = false
    host.healthFlags &= ~HealthFlag.PendingActiveCheck
    if (outcome === 'healthy' || outcome === 'degraded') {
      stats.checkSuccess.value++
      watched.bad = 0
      host.healthFlags =
        outcome === 'degraded'
          ? host.healthFlags | HealthFlag.DegradedActiveCheck
          : host.healthFlags & ~HealthFlag.DegradedActiveCheck
      if (!failed) return false
      if (!first && ++watched.good < this.#healthyThreshold) return true
      watched.good = 0
      host.healthFlags &= ~HealthFlag.FailedActiveCheck
      return false
    }
    stats.checkFailure.value++
    if (outcome === 'failed') stats.checkNetworkFailure.value++
    watched.good = 0
    if (failed) return false
    if (outcome === 'failed' && ++watched.bad < this.#unhealthyThreshold) return true
    watched.bad = 0
    host.healthFlags |= HealthFlag.FailedActiveCheck
    return false
  }
}
