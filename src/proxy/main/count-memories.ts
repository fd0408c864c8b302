import { WeakValues } from '../../base/weak-values.ts'
import { forgetThread, memoryForCounts } from '../process-count.ts'

/** The memory in which threads count together; kept by the configuration that it was made for. */
export class CountMemories {
  readonly #threads: number
  readonly #all = new WeakValues<SharedArrayBuffer>()
  #made = 0

  constructor(threads: number) {
    this.#threads = threads
  }

  /** New; `undefined` where one thread is all there is, which counts more cheaply by itself. */
  make(): SharedArrayBuffer | undefined {
    return this.named(`#${this.#made++}`)
  }

  /** One for all who know this name at the same time. */
  named(name: string): SharedArrayBuffer | undefined {
    return this.#threads === 1 ? undefined : this.#all.get(name, () => memoryForCounts(this.#threads))
  }

  /** A thread has died. */
  forget(thread: number): void {
    for (const memory of this.#all.values()) forgetThread(memory, thread)
  }
}
