import type { Cell } from '../../../telemetry/metrics.ts'
import type { StatsScope } from '../../stats/scope.ts'

/** What became of `accept-encoding`, and of what Envoy counts beside it for responses. */
export interface CounterCells {
  readonly noAcceptHeader: Cell
  readonly identity: Cell
  readonly used: Cell
  readonly overshadowed: Cell
  readonly wildcard: Cell
  readonly notValid: Cell
  readonly etag: Cell
}

/** The counters below this prefix, which is never that of a direction. */
export function counterCells(scope: StatsScope): CounterCells {
  return {
    noAcceptHeader: scope.counter('no_accept_header'),
    identity: scope.counter('header_identity'),
    used: scope.counter('header_compressor_used'),
    overshadowed: scope.counter('header_compressor_overshadowed'),
    wildcard: scope.counter('header_wildcard'),
    notValid: scope.counter('header_not_valid'),
    etag: scope.counter('not_compressed_etag'),
  }
}
