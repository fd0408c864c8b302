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
  readonly idleTimeouts: Cell
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
    this.idleTimeouts = scope.counter('downstream_rq_idle_timeout')
    this.resets = scope.counter('downstream_rq_rx_reset')
    this.resetsSent = scope.counter('downstream_rq_tx_reset')
    this.overload = scope.counter('downstream_rq_overload_close')
    this.duration = scope.histogram('downstream_rq_time')
    this.http2 = http2Stats(stats.scope('http2.'))
  }
}
