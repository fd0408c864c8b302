import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import { type Http2Stats, http2Stats } from '../http2/stats.ts'
import { ConnectionEnds } from '../stats/connection-ends.ts'
import type { StatsScope } from '../stats/scope.ts'

/** `http.<stat_prefix>.*` as far as Envoy's dashboards read it. */
export class HttpStats {
  readonly requests: Cell
  readonly active: Cell
  readonly classes: readonly Cell[]
  readonly connections: Cell
  readonly activeConnections: Cell
  readonly ends: ConnectionEnds
  readonly protocolErrors: Cell
  readonly idleConnections: Cell
  readonly maxDurationReached: Cell
  readonly maxRequestsReached: Cell
  readonly upgrades: Cell
  readonly activeUpgrades: Cell
  readonly refusedUpgrades: Cell
  readonly idleTimeouts: Cell
  readonly requestTimeouts: Cell
  readonly headTimeouts: Cell
  readonly durationReached: Cell
  readonly tooLarge: Cell
  readonly responseTooLarge: Cell
  readonly resets: Cell
  readonly resetsSent: Cell
  /** Requests that were refused for want of memory. */
  readonly overload: Cell
  readonly duration: HistogramCell
  readonly http2: Http2Stats

  constructor(stats: StatsScope, prefix: string) {
    const scope = stats.scope(`http.${prefix}.`)
    this.requests = scope.counter('downstream_rq_total')
    this.active = scope.gauge('downstream_rq_active')
    this.classes = [0, 1, 2, 3, 4, 5].map((n) =>
      scope.counter(n === 0 ? 'downstream_rq_other' : `downstream_rq_${n}xx`),
    )
    this.connections = scope.counter('downstream_cx_total')
    this.activeConnections = scope.gauge('downstream_cx_active')
    this.ends = new ConnectionEnds(scope, 'downstream_cx_destroy', '_active_rq')
    this.protocolErrors = scope.counter('downstream_cx_protocol_error')
    this.idleConnections = scope.counter('downstream_cx_idle_timeout')
    this.maxDurationReached = scope.counter('downstream_cx_max_duration_reached')
    this.maxRequestsReached = scope.counter('downstream_cx_max_requests_reached')
    this.upgrades = scope.counter('downstream_cx_upgrades_total')
    this.activeUpgrades = scope.gauge('downstream_cx_upgrades_active')
    this.refusedUpgrades = scope.counter('downstream_rq_ws_on_non_ws_route')
    this.requestTimeouts = scope.counter('downstream_rq_timeout')
    this.headTimeouts = scope.counter('downstream_rq_header_timeout')
    this.durationReached = scope.counter('downstream_rq_max_duration_reached')
    this.tooLarge = scope.counter('downstream_rq_too_large')
    this.responseTooLarge = scope.counter('rs_too_large')
    this.idleTimeouts = scope.counter('downstream_rq_idle_timeout')
    this.resets = scope.counter('downstream_rq_rx_reset')
    this.resetsSent = scope.counter('downstream_rq_tx_reset')
    this.overload = scope.counter('downstream_rq_overload_close')
    this.duration = scope.histogram('downstream_rq_time')
    this.http2 = http2Stats(stats.scope('http2.'))
  }
}
