import { type HealthCheck, HealthCheckSchema } from '../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { durationMs, onlyFields, unsupported } from '../config/fields.ts'
import type { Cluster } from './cluster.ts'
import { type EndpointHost, Unhealthy } from './endpoint-host.ts'
import { healthProbe, type Probe } from './health-probe.ts'

interface Watched {
  timer: NodeJS.Timeout | undefined
  cancel: (() => void) | undefined
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
  'unhealthy_threshold',
  'healthy_threshold',
  'http_health_check',
  'tcp_health_check',
  'grpc_health_check',
  'no_traffic_interval',
  'unhealthy_interval',
  'reuse_connection',
]

/** Active health checks of one cluster. */
export class HealthChecker {
  readonly #cluster: Cluster
  readonly #probe: Probe
  readonly #intervalMs: number
  readonly #healthyThreshold: number
  readonly #unhealthyThreshold: number
  readonly #watched = new Map<EndpointHost, Watched>()

  constructor(checks: readonly HealthCheck[], cluster: Cluster, path: string) {
    const where = `${path}.health_checks`
    if (checks.length > 1) throw unsupported(where, 'more than one health check')
    const check = checks[0]
    onlyFields(HealthCheckSchema, check, FIELDS, `${where}[0]`)
    this.#cluster = cluster
    this.#intervalMs = durationMs(check.interval, 1000)
    this.#healthyThreshold = check.healthyThreshold ?? 1
    this.#unhealthyThreshold = check.unhealthyThreshold ?? 1
    this.#probe = healthProbe(check, cluster.name, `${where}[0]`)
  }

  added(host: EndpointHost): void {
    // Nobody knows yet: no traffic before the first answer, unless all are so (panic).
    host.unhealthy |= Unhealthy.ActiveCheck
    const watched: Watched = { timer: undefined, cancel: undefined, good: 0, bad: 0, first: true }
    this.#watched.set(host, watched)
    process.nextTick(() => this.#check(host, watched))
  }

  removed(host: EndpointHost): void {
    const watched = this.#watched.get(host)
    clearTimeout(watched?.timer)
    watched?.cancel?.()
    this.#watched.delete(host)
  }

  close(): void {
    for (const host of [...this.#watched.keys()]) this.removed(host)
  }

  #check(host: EndpointHost, watched: Watched): void {
    if (this.#watched.get(host) !== watched) return
    watched.cancel = this.#probe(host, (healthy) => {
      watched.cancel = undefined
      if (this.#watched.get(host) !== watched) return
      this.#result(host, watched, healthy)
      watched.timer = setTimeout(() => this.#check(host, watched), this.#intervalMs).unref()
    })
  }

  #result(host: EndpointHost, watched: Watched, healthy: boolean): void {
    const { stats } = this.#cluster
    const before = host.unhealthy
    if (healthy) {
      stats.checkSuccess.value++
      watched.bad = 0
      if (++watched.good >= this.#healthyThreshold || watched.first) host.unhealthy &= ~Unhealthy.ActiveCheck
    } else {
      stats.checkFailure.value++
      watched.good = 0
      if (++watched.bad >= this.#unhealthyThreshold || watched.first) host.unhealthy |= Unhealthy.ActiveCheck
    }
    watched.first = false
    if (host.unhealthy !== before) this.#cluster.rebuild()
  }
}
