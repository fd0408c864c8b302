import type { Clock, Timers } from '../host.ts'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Time that passes only when told. */
export class ManualClock implements Clock, Timers {
  /** 2024-01-01T00:00:00Z. */
  readonly #start = 1_704_067_200_000
  /** A machine that has just booted; Go's runtime dies on a clock at zero. */
  #now = 1000
  readonly #timers = new Set<Timer>()

  wallMs(): number {
    return this.#start + this.#now - 1000
  }

  monotonicMs(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get pending(): number {
    return this.#timers.size
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      let next: Timer | undefined
      for (const timer of this.#timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
      if (next === undefined) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
    }
    this.#now = end
  }
}
