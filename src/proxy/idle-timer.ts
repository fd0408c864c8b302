import { nowMs } from '../base/read-clock.ts'
import { Timeout, type TimeoutOwner } from './timeout-queue.ts'

/** Whose idle time is watched. */
export interface IdleOwner {
  readonly busy: boolean
  onIdle(): void
}

/**
 * Closes what has had nothing to do for a time. A connection becomes idle and busy again thousands of times a second, so that is
 * only noted, and looked at when the time would be over.
 */
export class IdleTimer implements TimeoutOwner {
  readonly #owner: IdleOwner
  readonly #ms: number
  readonly #timeout = new Timeout(this, 0)
  #rest: NodeJS.Timeout | undefined
  #since = nowMs()

  constructor(owner: IdleOwner, ms: number) {
    this.#owner = owner
    this.#ms = ms
    this.#timeout.arm(ms)
  }

  /** The idle time begins now. */
  touch(): void {
    this.#since = nowMs()
  }

  stop(): void {
    this.#timeout.cancel()
    clearTimeout(this.#rest)
  }

  onTimeout(): void {
    if (this.#owner.busy) {
      this.#timeout.arm(this.#ms)
      return
    }
    const rest = this.#since + this.#ms - nowMs()
    if (rest < 1) this.#owner.onIdle()
    else this.#rest = setTimeout(() => this.onTimeout(), rest).unref()
  }
}
