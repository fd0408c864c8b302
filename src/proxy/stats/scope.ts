import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'

/**
 * Envoy-named statistics of one worker: dotted names with `envoy_`-style labels split off, so that the admin's `/stats`,
 * `/stats/prometheus` and a sum over all workers can be made of them.
 */
export interface StatsScope {
  counter(name: string): Cell
  gauge(name: string): Cell
  /** Milliseconds, with Envoy's bucket bounds. */
  histogram(name: string): HistogramCell
  scope(prefix: string): StatsScope
}
