import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'

/** `http.<stat_prefix>.tracing.*` */
export interface TracingStats {
  /** By TraceReason. */
  readonly reasons: readonly Cell[]
}

/** The counters of a connection manager. */
export function tracingStats(scope: StatsScope, statPrefix: string): TracingStats {
  const names = ['not_traceable', 'random_sampling', 'service_forced', 'client_enabled']
  return { reasons: names.map((name) => scope.counter(`http.${statPrefix}.tracing.${name}`)) }
}
