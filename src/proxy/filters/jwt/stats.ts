import type { Cell } from '../../../telemetry/metrics.ts'
import type { FactoryContext } from '../../context.ts'

/** The counters of one filter, by Envoy's names below `jwt_authn.` */
export interface JwtStats {
  readonly allowed: Cell
  readonly denied: Cell
  readonly preflights: Cell
  readonly fetched: Cell
  readonly fetchFailed: Cell
  readonly cacheHit: Cell
  readonly cacheMiss: Cell
}

/** The counters of one filter. */
export function jwtStats({ stats, statPrefix }: FactoryContext): JwtStats {
  const scope = stats.scope(`${statPrefix}jwt_authn.`)
  return {
    allowed: scope.counter('allowed'),
    denied: scope.counter('denied'),
    preflights: scope.counter('cors_preflight_bypassed'),
    fetched: scope.counter('jwks_fetch_success'),
    fetchFailed: scope.counter('jwks_fetch_failed'),
    cacheHit: scope.counter('jwt_cache_hit'),
    cacheMiss: scope.counter('jwt_cache_miss'),
  }
}
