import type { Cell, Family, HistogramCell, Registry } from '../telemetry/metrics.ts'

/** How a fetch ended, by the names of Istio's agent. */
export type FetchResult =
  | 'success'
  | 'download_failure'
  | 'manifest_failure'
  | 'checksum_mismatched'
  | 'fetch_failure'
  /** Ours: Istio verifies no signatures. */
  | 'signature_failure'

/** How the conversion of an extension config ended, likewise. */
export type ConversionResult =
  | 'success'
  | 'no_remote_load'
  | 'unmarshal_failure'
  | 'fetch_failure'
  | 'miss_remote_fetch_hint'
  /** Ours: the module came but did not start. */
  | 'trial_failure'

/** Powers of two up to 16384, as Istio's agent has them. */
const DURATION_BOUNDS = Array.from({ length: 15 }, (_, i) => 2 ** i)

/** Istio's metrics of module supply, by the names that its agent exports and documents, and a few of our own beside them. */
export class SupplyMetrics {
  readonly #fetches: Family<Cell>
  readonly #conversions: Family<Cell>
  readonly #lookups: Family<Cell>
  readonly #verifications: Family<Cell>
  readonly entries: Cell
  readonly bytes: Cell
  readonly waiting: Cell
  readonly heals: Cell
  readonly duration: HistogramCell

  constructor(registry: Registry) {
    this.entries = registry.gauge('istio_agent_wasm_cache_entries', 'number of Wasm remote fetch cache entries.').with()
    this.#lookups = registry.counter(
      'istio_agent_wasm_cache_lookup_count',
      'number of Wasm remote fetch cache lookups.',
    )
    this.#fetches = registry.counter(
      'istio_agent_wasm_remote_fetch_count',
      'number of Wasm remote fetches and results, including success, download failure, and checksum mismatch.',
    )
    this.#conversions = registry.counter(
      'istio_agent_wasm_config_conversion_count',
      'number of Wasm config conversion count and results, including success, no remote load, marshal failure, remote fetch failure, miss remote fetch hint.',
    )
    this.duration = registry
      .histogram(
        'istio_agent_wasm_config_conversion_duration',
        'Total time in milliseconds istio-agent spends on converting remote load in Wasm config.',
        DURATION_BOUNDS,
      )
      .with()
    this.bytes = registry.counter('sluice_agent_wasm_fetched_bytes_total', 'Bytes of modules fetched.').with()
    this.waiting = registry.gauge('sluice_agent_wasm_fetches_in_flight', 'Fetches under way.').with()
    this.#verifications = registry.counter('sluice_agent_wasm_verifications_total', 'Signature checks by result.')
    this.heals = registry
      .counter('sluice_agent_wasm_heals_total', 'Extensions that came good by a retry in the background.')
      .with()
  }

  fetched(result: FetchResult): void {
    this.#fetches.with({ result }).add()
  }

  converted(result: ConversionResult): void {
    this.#conversions.with({ result }).add()
  }

  lookedUp(hit: boolean): void {
    this.#lookups.with({ hit: String(hit) }).add()
  }

  verified(good: boolean): void {
    this.#verifications.with({ result: good ? 'success' : 'failure' }).add()
  }
}
