/** What all workers know of overload: memory that they share, so that a connection costs two additions and a request one look. */
const FLAGS = 0
const TOTAL = 1
const OWN = 2

const STOP_REQUESTS = 1
const REJECT_CONNECTIONS = 2

export class OverloadState {
  /** What a worker makes its own view from. */
  readonly shared: { readonly buffer: SharedArrayBuffer; readonly maxConnections: number }
  readonly #words: Int32Array
  readonly #max: number
  readonly #own: number

  /** `index` is the worker's. */
  constructor(buffer: SharedArrayBuffer, maxConnections: number, index: number) {
    this.shared = { buffer, maxConnections }
    this.#words = new Int32Array(buffer)
    this.#max = maxConnections
    this.#own = OWN + index
  }

  /** For this many workers, on the main thread. */
  static create(maxConnections: number, workers: number): OverloadState {
    return new OverloadState(new SharedArrayBuffer((OWN + workers) * 4), maxConnections, 0)
  }

  /** Counts a connection; false when there are too many, or too little memory. `limited`: the global limit is for it, too. */
  accept(limited: boolean): boolean {
    const words = this.#words
    if ((Atomics.load(words, FLAGS) & REJECT_CONNECTIONS) !== 0) return false
    if (Atomics.add(words, TOTAL, 1) >= this.#max && limited) {
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

  get stopsRequests(): boolean {
    return (Atomics.load(this.#words, FLAGS) & STOP_REQUESTS) !== 0
  }

  set(stopRequests: boolean, rejectConnections: boolean): void {
    Atomics.store(this.#words, FLAGS, (stopRequests ? STOP_REQUESTS : 0) | (rejectConnections ? REJECT_CONNECTIONS : 0))
  }

  /** A worker died, and its connections with it. */
  forget(index: number): void {
    Atomics.sub(this.#words, TOTAL, Atomics.exchange(this.#words, OWN + index, 0))
  }
}
