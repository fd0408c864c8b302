import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import { type Http2Stats, http2Stats } from '../http2/stats.ts'
import { ConnectionEnds } from '../stats/connection-ends.ts'
import type { StatsScope } from '../stats/scope.ts'

/** Of the connections that speak one HTTP. */
export interface ProtocolStats {
  readonly connections: Cell
  readonly active: Cell
  readonly requests: Cell
}

/** Counts a connection, as in Envoy once it has said anything; returns where. */
export function speaks(protocol: ProtocolStats): ProtocolStats {
  protocol.connections.value++
  protocol.active.value++
  return protocol
}

/** How many requests were answered, and how. */
interface AnsweredStats {
  readonly completed: Cell
  /** 1xx first. */
  readonly classes: readonly Cell[]
}

/** `http.<stat_prefix>.*` as far as Envoy's dashboards read it. */
export class HttpStats {
  readonly requests: Cell
  readonly active: Cell
  readonly #answered: AnsweredStats
  /** The same of one listener: several may have the prefix. */
  readonly #answeredHere: AnsweredStats
  readonly connections: Cell
  readonly activeConnections: Cell
  readonly secureConnections: Cell
  readonly activeSecure: Cell
  readonly http1: ProtocolStats
  readonly http2: ProtocolStats
  readonly ends: ConnectionEnds
  readonly length: HistogramCell
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
  /** Answers that began before their request was complete. */
  readonly early: Cell
  readonly notRelative: Cell
  readonly badPaths: Cell
  readonly tooLarge: Cell
  readonly responseTooLarge: Cell
  readonly resets: Cell
  readonly resetsSent: Cell
  /** Requests that were refused for want of memory. */
  readonly overload: Cell
  readonly duration: HistogramCell
  readonly frames: Http2Stats

  /** `listener`: what the names of its statistics begin with. */
  constructor(stats: StatsScope, prefix: string, listener: string) {
    const scope = stats.scope(`http.${prefix}.`)
    this.requests = scope.counter('downstream_rq_total')
    this.active = scope.gauge('downstream_rq_active')
    this.#answered = answeredStats(scope)
    this.#answeredHere = answeredStats(stats.scope(listener).scope(`http.${prefix}.`))
    this.connections = scope.counter('downstream_cx_total')
    this.activeConnections = scope.gauge('downstream_cx_active')
    this.secureConnections = scope.counter('downstream_cx_ssl_total')
    this.activeSecure = scope.gauge('downstream_cx_ssl_active')
    this.http1 = protocolStats(scope, 'http1')
    this.http2 = protocolStats(scope, 'http2')
    this.length = scope.histogram('downstream_cx_length_ms')
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
    this.early = scope.counter('downstream_rq_response_before_rq_complete')
    this.notRelative = scope.counter('downstream_rq_non_relative_path')
    this.badPaths = scope.counter('downstream_rq_failed_path_normalization')
    this.tooLarge = scope.counter('downstream_rq_too_large')
    this.responseTooLarge = scope.counter('rs_too_large')
    this.idleTimeouts = scope.counter('downstream_rq_idle_timeout')
    this.resets = scope.counter('downstream_rq_rx_reset')
    this.resetsSent = scope.counter('downstream_rq_tx_reset')
    this.overload = scope.counter('downstream_rq_overload_close')
    this.duration = scope.histogram('downstream_rq_time')
    this.frames = http2Stats(stats.scope('http2.'))
  }

  /** An answer, also one that another follows (Envoy's chargeStats). */
  countAnswer(status: number): void {
    this.#answered.completed.value++
    this.#answeredHere.completed.value++
    if (status < 100 || status > 599) return
    const at = Math.floor(status / 100) - 1
    this.#answered.classes[at].value++
    this.#answeredHere.classes[at].value++
  }
}

function answeredStats(scope: StatsScope): AnsweredStats {
  return {
    completed: scope.counter('downstream_rq_completed'),
    classes: [1, 2, 3, 4, 5].map((n) => scope.counter(`downstream_rq_${n}xx`)),
  }
}

function protocolStats(scope: StatsScope, name: string): ProtocolStats {
  return {
    connections: scope.counter(`downstream_cx_${name}_total`),
    active: scope.gauge(`downstream_cx_${name}_active`),
    requests: scope.counter(`downstream_rq_${name}_total`),
  }
}
