import {
  type OutlierDetection,
  OutlierDetectionSchema,
} from '../../../gen/envoy/config/cluster/v3/outlier_detection_pb.ts'
import { durationMs, onlyFields } from '../config/fields.ts'
import type { Cluster } from './cluster.ts'
import type { EndpointHost } from './endpoint-host.ts'
import { HealthFlag } from './health-flag.ts'

const FIELDS = [
  'consecutive_5xx',
  'interval',
  'base_ejection_time',
  'max_ejection_percent',
  'enforcing_consecutive_5xx',
  'consecutive_gateway_failure',
  'enforcing_consecutive_gateway_failure',
  'split_external_local_origin_errors',
  'consecutive_local_origin_failure',
  'enforcing_consecutive_local_origin_failure',
  'max_ejection_time',
  'enforcing_success_rate',
  'always_eject_one_host',
]

/** Ejects hosts that fail in a row, for longer each time (Envoy's outlier detection without its statistical detectors). */
export class OutlierDetector {
  readonly #cluster: Cluster
  readonly #timer: NodeJS.Timeout
  readonly #consecutive5xx: number
  readonly #consecutiveGateway: number
  readonly #consecutiveLocal: number
  readonly #enforce5xx: number
  readonly #enforceGateway: number
  readonly #split: boolean
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #maxPercent: number
  readonly #alwaysOne: boolean

  constructor(config: OutlierDetection, cluster: Cluster, path: string) {
    onlyFields(OutlierDetectionSchema, config, FIELDS, `${path}.outlier_detection`)
    this.#cluster = cluster
    this.#consecutive5xx = config.consecutive5xx ?? 5
    this.#consecutiveGateway = config.consecutiveGatewayFailure ?? 5
    this.#consecutiveLocal = config.consecutiveLocalOriginFailure ?? 5
    this.#enforce5xx = config.enforcingConsecutive5xx ?? 100
    this.#enforceGateway = config.enforcingConsecutiveGatewayFailure ?? 0
    this.#split = config.splitExternalLocalOriginErrors
    this.#baseMs = durationMs(config.baseEjectionTime, 30_000)
    this.#maxMs = Math.max(this.#baseMs, durationMs(config.maxEjectionTime, 300_000))
    this.#maxPercent = config.maxEjectionPercent ?? 10
    this.#alwaysOne = config.alwaysEjectOneHost ?? false
    this.#timer = setInterval(() => this.#unejectDue(), durationMs(config.interval, 10_000)).unref()
  }

  onResponse(host: EndpointHost, status: number): void {
    if (status < 500) {
      host.consecutive5xx = 0
      host.consecutiveGateway = 0
      return
    }
    if (++host.consecutive5xx === this.#consecutive5xx) this.#eject(host, this.#enforce5xx)
    if (status < 502 || status > 504) host.consecutiveGateway = 0
    else if (++host.consecutiveGateway === this.#consecutiveGateway) this.#eject(host, this.#enforceGateway)
  }

  /** No answer: could not connect, reset, timeout. */
  onLocalFailure(host: EndpointHost): void {
    if (!this.#split) this.onResponse(host, 503)
    else if (++host.consecutiveLocal === this.#consecutiveLocal) this.#eject(host, 100)
  }

  onLocalSuccess(host: EndpointHost): void {
    host.consecutiveLocal = 0
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #eject(host: EndpointHost, enforcing: number): void {
    host.consecutive5xx = 0
    host.consecutiveGateway = 0
    host.consecutiveLocal = 0
    if (Math.random() * 100 >= enforcing || (host.healthFlags & HealthFlag.FailedOutlierCheck) !== 0) return
    const { hosts } = this.#cluster
    const ejected = hosts.filter((h) => (h.healthFlags & HealthFlag.FailedOutlierCheck) !== 0).length
    const allowed =
      (ejected / hosts.length) * 100 < this.#maxPercent && ((ejected + 1) / hosts.length) * 100 <= this.#maxPercent
    // At least one host may always go where the percentage alone would allow none (Envoy before `always_eject_one_host`).
    if (!allowed && !(ejected === 0 && (this.#alwaysOne || this.#maxPercent > 0))) return
    host.ejections++
    host.healthFlags |= HealthFlag.FailedOutlierCheck
    host.ejectedUntil = performance.now() + Math.min(this.#maxMs, this.#baseMs * host.ejections)
    this.#cluster.stats.ejections.value++
    this.#cluster.stats.activeEjections.value++
    this.#cluster.rebuild()
  }

  #unejectDue(): void {
    const now = performance.now()
    let changed = false
    for (const host of this.#cluster.hosts) {
      if ((host.healthFlags & HealthFlag.FailedOutlierCheck) === 0) {
        // A host that stays good for an interval is ejected for less time the next time.
        if (host.ejections > 0 && now - host.ejectedUntil > this.#baseMs) host.ejections--
        continue
      }
      if (now < host.ejectedUntil) continue
      host.healthFlags &= ~HealthFlag.FailedOutlierCheck
      host.ejectedUntil = now
      this.#cluster.stats.activeEjections.value--
      changed = true
    }
    if (changed) this.#cluster.rebuild()
  }
}
