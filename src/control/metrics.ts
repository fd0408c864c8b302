import type { Cell, Family, HistogramCell, Registry } from '../telemetry/metrics.ts'

/** istiod's metrics, as far as they have a meaning here. */
export interface ControlMetrics {
  /**
   * By full type URL, and counting modules that an agent could not supply, as Istio's documentation has it; Istio's code says
   * `ecds` and counts NACKs only.
   */
  readonly rejects: Family<Cell>
  readonly pushes: Family<Cell>
  readonly connected: Cell
  /** Seconds from the first change of a batch to the last answer to it. */
  readonly convergence: HistogramCell
}

const CONVERGENCE_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30]

/** Registers them, by istiod's names. */
export function controlMetrics(registry: Registry): ControlMetrics {
  return {
    rejects: registry.counter(
      'pilot_total_xds_rejects',
      'Total number of XDS responses from pilot rejected by proxy, and of modules that its agent could not supply.',
    ),
    pushes: registry.counter('pilot_xds_pushes', 'Responses that pilot sent, by type.'),
    connected: registry.gauge('pilot_xds', 'Number of endpoints connected to this pilot using XDS.').with(),
    convergence: registry
      .histogram(
        'pilot_proxy_convergence_time',
        'Delay in seconds between config change and a proxy receiving all required configuration.',
        CONVERGENCE_BOUNDS,
      )
      .with(),
  }
}
