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

/** A scope whose own scopes last until it is closed, or longer where somebody else holds them too; what it hands out directly stays. */
export interface OwnedStats extends StatsScope {
  close(): void
}
