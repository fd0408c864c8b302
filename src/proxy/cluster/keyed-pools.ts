import type { Resource } from './circuit-breaker.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { PendingStream, UpstreamCallbacks } from './upstream.ts'

const MIN_SWEEP = 16

/** The connections to one host where requests may only share some of them: a pool for each key. */
export class KeyedPools implements ConnectionPool {
  readonly #keyOf: (callbacks: UpstreamCallbacks) => string
  readonly #make: (key: string) => ConnectionPool
  /** Of the cluster. */
  readonly #connections: Resource
  readonly #pools = new Map<string, ConnectionPool>()
  /** At how many pools it is looked again which of them are of no use. */
  #sweepAt = MIN_SWEEP
  #drained = false

  constructor(
    keyOf: (callbacks: UpstreamCallbacks) => string,
    make: (key: string) => ConnectionPool,
    connections: Resource,
  ) {
    this.#keyOf = keyOf
    this.#make = make
    this.#connections = connections
  }

  get connections(): number {
    let sum = 0
    for (const pool of this.#pools.values()) sum += pool.connections
    return sum
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    const key = this.#keyOf(callbacks)
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      if (this.#pools.size >= this.#sweepAt) this.#sweep()
      pool = this.#make(key)
      if (this.#drained) pool.drain()
      this.#pools.set(key, pool)
    }
    // Each pool may have its first connection whatever the limit. Clients choose the keys, so that without closing an idle connection of
    // another pool for it they could have as many as they like.
    if (pool.connections === 0 && this.#connections.full) this.closeIdle()
    return pool.newStream(callbacks)
  }

  closeIdle(): boolean {
    for (const pool of this.#pools.values()) if (pool.closeIdle()) return true
    return false
  }

  drain(): void {
    this.#drained = true
    for (const pool of this.#pools.values()) pool.drain()
  }

  /** Removes pools of clients that have gone; done when there are twice as many as the last time left, so that it costs little for each. */
  #sweep(): void {
    for (const [key, pool] of this.#pools) if (pool.connections === 0) this.#pools.delete(key)
    this.#sweepAt = Math.max(MIN_SWEEP, this.#pools.size * 2)
  }
}
