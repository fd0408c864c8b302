import { CountPlace, memoryForCounts, ProcessCount } from '../process-count.ts'

/** What a worker makes its own view from. */
export interface SharedCount {
  readonly memory: SharedArrayBuffer
  readonly max: number
}

/** For this many workers, on the main thread. */
export function sharedCount(max: number, workers: number): SharedCount {
  return { memory: memoryForCounts(workers), max }
}

/** Connections that all workers count together. */
export class ConnectionCount {
  readonly #count: ProcessCount
  readonly #max: number

  constructor({ memory, max }: SharedCount, thread: number) {
    this.#count = new ProcessCount(new CountPlace(memory, thread))
    this.#max = max
  }

  /** Counts a connection; false when there are too many. `limited`: the limit is for it, too. */
  accept(limited: boolean): boolean {
    return this.#count.take(limited ? this.#max : Number.POSITIVE_INFINITY)
  }

  /** A connection that was accepted is over. */
  gone(): void {
    this.#count.free()
  }
}
