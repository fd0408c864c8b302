/** Connections that all workers count together, in memory that they share, so that one costs two additions. */
const TOTAL = 0
const OWN = 1

/** What a worker makes its own view from. */
export interface SharedCount {
  readonly buffer: SharedArrayBuffer
  readonly max: number
}

export class ConnectionCount {
  readonly shared: SharedCount
  readonly #words: Int32Array
  readonly #own: number

  /** `index` is the worker's. */
  constructor(shared: SharedCount, index: number) {
    this.shared = shared
    this.#words = new Int32Array(shared.buffer)
    this.#own = OWN + index
  }

  /** For this many workers, on the main thread. */
  static create(max: number, workers: number): ConnectionCount {
    return new ConnectionCount({ buffer: new SharedArrayBuffer((OWN + workers) * 4), max }, 0)
  }

  /** Counts a connection; false when there are too many. `limited`: the limit is for it, too. */
  accept(limited: boolean): boolean {
    const words = this.#words
    if (Atomics.add(words, TOTAL, 1) >= this.shared.max && limited) {
      Atomics.sub(words, TOTAL, 1)
      return false
    }
    Atomics.add(words, this.#own, 1)
    return true
  }

  /** A connection that was accepted is over. */
  gone(): void {
    Atomics.sub(this.#words, TOTAL, 1)
    Atomics.sub(this.#words, this.#own, 1)
  }

  /** A worker died, and its connections with it. */
  forget(index: number): void {
    Atomics.sub(this.#words, TOTAL, Atomics.exchange(this.#words, OWN + index, 0))
  }
}
