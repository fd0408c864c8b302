const FREE = 0
const HELD = 1
const CONTENDED = 2

const SPINS = 200
/** Sections take microseconds. A lock held this long belongs to a thread that was ended within one. */
const LOST_MS = 5000

/** A mutual exclusion over one word of shared memory: 0 free, 1 held, 2 held and waited for (Drepper, "Futexes are tricky"). */
export class Lock {
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #at: number

  constructor(words: Int32Array<SharedArrayBuffer>, at: number) {
    this.#words = words
    this.#at = at
  }

  /** False when the lock cannot be had any more. */
  acquire(): boolean {
    const words = this.#words
    const at = this.#at
    for (let i = 0; i < SPINS; i++) if (Atomics.compareExchange(words, at, FREE, HELD) === FREE) return true
    while (Atomics.exchange(words, at, CONTENDED) !== FREE) {
      if (Atomics.wait(words, at, CONTENDED, LOST_MS) === 'timed-out') return false
    }
    return true
  }

  release(): void {
    if (Atomics.exchange(this.#words, this.#at, FREE) === CONTENDED) Atomics.notify(this.#words, this.#at, 1)
  }
}
