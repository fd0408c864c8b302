/**
 * Runs a job soon after each call: at once after a quiet time, and no more often than every `windowMs` in a burst. A call during
 * the wait is taken along.
 */
export class Debounce {
  readonly #job: () => void
  readonly #windowMs: number
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #last = Number.NEGATIVE_INFINITY

  constructor(windowMs: number, job: () => void) {
    this.#windowMs = windowMs
    this.#job = job
  }

  call(): void {
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    const wait = this.#last + this.#windowMs - performance.now()
    // An immediate gathers what the same read of a watch brought.
    if (wait <= 0) this.#immediate = setImmediate(() => this.#run())
    else this.#timer = setTimeout(() => this.#run(), wait)
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
  }

  #run(): void {
    this.stop()
    this.#last = performance.now()
    this.#job()
  }
}
