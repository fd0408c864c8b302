/** Limits of the process: threads count together what each of them has under way. */

/** Words of a row, which is a line of the cache: what a thread writes for itself disturbs no other. */
const ROW = 16
/** The sums stand in the first row, then comes one for each thread. */
const FIRST_THREAD = 1

/** Where a thread finds the numbers that it has in common with others. */
export class CountPlace {
  readonly words: Int32Array
  /** The first of the thread's own words. */
  readonly own: number

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.words = new Int32Array(memory)
    this.own = (FIRST_THREAD + thread) * ROW
  }
}

/** Room for 16 numbers. */
export function memoryForCounts(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer((FIRST_THREAD + threads) * ROW * Int32Array.BYTES_PER_ELEMENT)
}

/** A thread is over: what it had under way is over with it. */
export function forgetThread(memory: SharedArrayBuffer, thread: number): void {
  const { words, own } = new CountPlace(memory, thread)
  for (let i = 0; i < ROW; i++) {
    Atomics.sub(words, i, words[own + i])
    words[own + i] = 0
  }
}

/** How many there are of one thing. Without a place this thread alone counts, in a plain field. */
export class ProcessCount {
  #alone = 0
  readonly #words: Int32Array | undefined
  readonly #sum: number
  readonly #own: number

  /** `at`: which of the numbers of the place. */
  constructor(place?: CountPlace, at = 0) {
    this.#words = place?.words
    this.#sum = at
    this.#own = place === undefined ? 0 : place.own + at
  }

  get value(): number {
    return this.#words === undefined ? this.#alone : Atomics.load(this.#words, this.#sum)
  }

  /** One more, unless there are `max` already. */
  take(max: number): boolean {
    const words = this.#words
    if (words === undefined) {
      if (this.#alone >= max) return false
      this.#alone++
      return true
    }
    for (;;) {
      const before = Atomics.load(words, this.#sum)
      if (before >= max) return false
      if (Atomics.compareExchange(words, this.#sum, before, before + 1) !== before) continue
      // Read by another thread only when this one is over, so it need not be atomic.
      words[this.#own]++
      return true
    }
  }

  /** One more, whatever the limit. */
  add(): void {
    const words = this.#words
    if (words === undefined) {
      this.#alone++
      return
    }
    Atomics.add(words, this.#sum, 1)
    words[this.#own]++
  }

  /** One that was taken or added is over. */
  free(): void {
    const words = this.#words
    if (words === undefined) {
      this.#alone--
      return
    }
    Atomics.sub(words, this.#sum, 1)
    words[this.#own]--
  }
}
