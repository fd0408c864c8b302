import type { Clock } from './host.ts'

/** More failures than this within the window end the plugin's service until the window has passed. */
const MOST_FAILURES = 10
const WINDOW_MS = 60_000

/** When a dead VM may be replaced: growing, jittered pauses, and a budget of crashes. */
export class ReloadBudget {
  readonly #clock: Clock
  readonly #baseMs: number
  #failures: number[] = []
  #next = 0

  constructor(clock: Clock, baseMs: number) {
    this.#clock = clock
    this.#baseMs = baseMs
  }

  get due(): boolean {
    return this.waitMs === 0
  }

  /** Until it is due. */
  get waitMs(): number {
    return Math.max(0, Math.ceil(this.#next - this.#clock.monotonicMs()))
  }

  /** `at` is when it failed, which may be noticed later. */
  failed(at: number = this.#clock.monotonicMs()): void {
    this.#failures = this.#failures.filter((before) => before > at - WINDOW_MS)
    this.#failures.push(at)
    const pause =
      this.#failures.length > MOST_FAILURES
        ? WINDOW_MS
        : Math.min(WINDOW_MS, this.#baseMs * 2 ** (this.#failures.length - 1))
    // Envoy's jittered lower bound: never before the pause, at most half of it later.
    this.#next = at + pause * (1 + Math.random() / 2)
  }
}
