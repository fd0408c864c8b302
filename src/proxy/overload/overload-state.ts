import { forgetThread } from '../process-count.ts'
import { ConnectionCount, type SharedCount, sharedCount } from './connection-count.ts'

const STOP_REQUESTS = 1
const REJECT_CONNECTIONS = 2

/** How many connections may be open. */
export interface ConnectionLimits {
  /** Of all listeners and workers together. */
  readonly maxConnections: number
  /** Of all workers together, by the listener's name. */
  readonly listeners: ReadonlyMap<string, number>
}

/** What a worker makes its own view from. */
export interface SharedOverload {
  readonly flags: SharedArrayBuffer
  readonly all: SharedCount
  readonly listeners: ReadonlyMap<string, SharedCount>
}

/** What all workers know of overload: memory that they share, so that a request costs one look. */
export class OverloadState {
  readonly shared: SharedOverload
  readonly #flags: Int32Array
  readonly #all: ConnectionCount
  readonly #listeners = new Map<string, ConnectionCount>()

  /** `index` is the worker's. */
  constructor(shared: SharedOverload, index: number) {
    this.shared = shared
    this.#flags = new Int32Array(shared.flags)
    this.#all = new ConnectionCount(shared.all, index)
    for (const [name, count] of shared.listeners) this.#listeners.set(name, new ConnectionCount(count, index))
  }

  /** For this many threads, on the main thread. */
  static create({ maxConnections, listeners }: ConnectionLimits, workers: number): OverloadState {
    const shared = {
      flags: new SharedArrayBuffer(4),
      all: sharedCount(maxConnections, workers),
      listeners: new Map([...listeners].map(([name, max]) => [name, sharedCount(max, workers)])),
    }
    return new OverloadState(shared, 0)
  }

  /** The connections of a listener that has a limit of its own. */
  listener(name: string): ConnectionCount | undefined {
    return this.#listeners.get(name)
  }

  /** Counts a connection; false when there are too many, or too little memory. `limited`: the global limit is for it, too. */
  accept(limited: boolean): boolean {
    return (Atomics.load(this.#flags, 0) & REJECT_CONNECTIONS) === 0 && this.#all.accept(limited)
  }

  /** A connection that was accepted is over. */
  gone(): void {
    this.#all.gone()
  }

  get stopsRequests(): boolean {
    return (Atomics.load(this.#flags, 0) & STOP_REQUESTS) !== 0
  }

  set(stopRequests: boolean, rejectConnections: boolean): void {
    Atomics.store(this.#flags, 0, (stopRequests ? STOP_REQUESTS : 0) | (rejectConnections ? REJECT_CONNECTIONS : 0))
  }

  /** A worker died, and its connections with it. */
  forget(index: number): void {
    const { all, listeners } = this.shared
    for (const { memory } of [all, ...listeners.values()]) forgetThread(memory, index)
  }
}
