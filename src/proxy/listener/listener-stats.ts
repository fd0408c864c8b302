import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'
import { TlsStats } from '../tls/tls-stats.ts'
import type { CompiledListener } from './compile-listener.ts'
import { listenerScope } from './listen-address.ts'

/** What a listener counts in one worker. */
export interface ListenerStats {
  readonly total: Cell
  readonly active: Cell
  readonly destroyed: Cell
  readonly length: HistogramCell
  readonly noMatch: Cell
  readonly peekTimeout: Cell
  readonly peerEnded: Cell
  readonly globalOverflow: Cell
  readonly overflow: Cell
  readonly handshakeTimeout: Cell
  readonly tls: TlsStats
  readonly secretsNotReady: Cell
}

/** Where the statistics of a config stand: another place begins anew. */
export function scopeOf({ addresses, name, statPrefix }: CompiledListener): string {
  return listenerScope(addresses, name, statPrefix)
}

/** The counters of a listener, by its `stat_prefix` or its addresses. */
export function listenerStats(stats: StatsScope, config: CompiledListener): ListenerStats {
  const scope = stats.scope(scopeOf(config))
  return {
    total: scope.counter('downstream_cx_total'),
    active: scope.gauge('downstream_cx_active'),
    destroyed: scope.counter('downstream_cx_destroy'),
    length: scope.histogram('downstream_cx_length_ms'),
    noMatch: scope.counter('no_filter_chain_match'),
    overflow: scope.counter('downstream_cx_overflow'),
    globalOverflow: scope.counter('downstream_global_cx_overflow'),
    handshakeTimeout: scope.counter('downstream_cx_transport_socket_connect_timeout'),
    peekTimeout: scope.counter('downstream_pre_cx_timeout'),
    peerEnded: scope.counter('downstream_listener_filter_remote_close'),
    tls: new TlsStats(scope),
    secretsNotReady: scope.counter('server_ssl_socket_factory.downstream_context_secrets_not_ready'),
  }
}
