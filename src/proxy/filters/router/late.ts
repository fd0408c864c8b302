import { ResponseFlag } from '../../http/stream-info.ts'
import type { Attempt } from './attempt.ts'

/** Tries that took longer than a try may, while another one is made (`hedge_on_per_try_timeout`). The first good answer wins. */
export class LateAttempts {
  readonly #attempts: Attempt[] = []

  get size(): number {
    return this.#attempts.length
  }

  get all(): Attempt[] {
    return [...this.#attempts]
  }

  add(attempt: Attempt): void {
    this.#attempts.push(attempt)
  }

  remove(attempt: Attempt): void {
    const at = this.#attempts.indexOf(attempt)
    if (at >= 0) this.#attempts.splice(at, 1)
  }

  cancelAll(except?: Attempt): void {
    for (const attempt of this.#attempts.splice(0)) {
      if (attempt !== except) attempt.cancel(ResponseFlag.UpstreamRequestTimeout)
    }
  }
}
