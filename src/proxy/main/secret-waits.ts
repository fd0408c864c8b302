import type { StatsStore } from '../stats/store.ts'
import type { SecretNeed } from '../tls/secret-need.ts'
import { countFetchTimeout, sdsStats } from './sds-stats.ts'

/**
 * How long secrets are waited for. As in Envoy, whose subscriptions are shared, all who need a secret on the same terms wait together:
 * who comes when the time is over waits no more.
 */
export class SecretWaits {
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #over = new Set<string>()
  readonly #come: (key: string) => boolean
  readonly #ended: () => void
  readonly #stats: StatsStore

  /** `come`: a secret is there, or what has come for it is of no use. `ended`: somebody waits no longer. */
  constructor(come: (key: string) => boolean, ended: () => void, stats: StatsStore) {
    this.#come = come
    this.#ended = ended
    this.#stats = stats
  }

  /** There is nothing to wait for. */
  settled(need: SecretNeed): boolean {
    return this.#come(need.key) || this.#over.has(terms(need))
  }

  begin(needs: readonly SecretNeed[]): void {
    for (const need of needs) {
      const key = terms(need)
      if (need.fetchTimeoutMs === 0 || this.settled(need) || this.#timers.has(key)) continue
      this.#timers.set(key, setTimeout(() => this.#end(need), need.fetchTimeoutMs).unref())
    }
  }

  /** Forgets all but those that are still needed. */
  keep(needs: readonly SecretNeed[]): void {
    const wanted = new Set(needs.map(terms))
    for (const [key, timer] of this.#timers) {
      if (wanted.has(key)) continue
      clearTimeout(timer)
      this.#timers.delete(key)
    }
    for (const key of this.#over) if (!wanted.has(key)) this.#over.delete(key)
  }

  close(): void {
    this.keep([])
  }

  #end(need: SecretNeed): void {
    this.#timers.delete(terms(need))
    if (this.#come(need.key)) return
    this.#over.add(terms(need))
    countFetchTimeout(sdsStats(this.#stats, need.name))
    this.#ended()
  }
}

function terms({ key, fetchTimeoutMs }: SecretNeed): string {
  return `${fetchTimeoutMs} ${key}`
}
