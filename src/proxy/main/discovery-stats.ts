import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsStore } from '../stats/store.ts'

interface Counts {
  readonly attempt: Cell
  readonly success: Cell
  readonly failure: Cell
  readonly rejected: Cell
}

/** What becomes of the responses with all clusters and all listeners, and of the stream that they come by; by Envoy's names. */
export class DiscoveryStats {
  readonly #counts: Readonly<Record<'cds' | 'lds', Counts>>
  readonly #connected: Cell
  readonly #asked = new Set<Counts>()

  constructor(stats: StatsStore) {
    this.#counts = { cds: counts(stats, 'cluster_manager.cds.'), lds: counts(stats, 'listener_manager.lds.') }
    this.#connected = stats.gauge('control_plane.connected_state')
  }

  /** Envoy counts the question beside each answer (GrpcSubscriptionImpl::start). */
  asked(type: 'cds' | 'lds'): void {
    const counts = this.#counts[type]
    this.#asked.add(counts)
    counts.attempt.value++
  }

  connected(): void {
    this.#connected.value = 1
  }

  /** The stream has ended, or did not come about. */
  lost(): void {
    this.#connected.value = 0
    for (const { attempt, failure } of this.#asked) {
      attempt.value++
      failure.value++
    }
  }

  /** A response was handled; `refused`: some of it, or all. */
  handled(type: 'cds' | 'lds', refused: boolean): void {
    const { attempt, success, rejected } = this.#counts[type]
    attempt.value++
    if (refused) rejected.value++
    else success.value++
  }
}

function counts(stats: StatsStore, prefix: string): Counts {
  return {
    attempt: stats.counter(`${prefix}update_attempt`),
    success: stats.counter(`${prefix}update_success`),
    failure: stats.counter(`${prefix}update_failure`),
    rejected: stats.counter(`${prefix}update_rejected`),
  }
}
