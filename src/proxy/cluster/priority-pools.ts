import type { CircuitBreaker, Resources } from './circuit-breaker.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { PendingStream, UpstreamCallbacks } from './upstream.ts'

/** The connections to one host: requests of high priority have their own (Envoy, too), made when the first of them comes. */
export class PriorityPools {
  readonly #breaker: CircuitBreaker
  readonly #make: (resources: Resources) => ConnectionPool
  readonly #default: ConnectionPool
  #high: ConnectionPool | undefined
  #drained = false

  constructor(breaker: CircuitBreaker, make: (resources: Resources) => ConnectionPool) {
    this.#breaker = breaker
    this.#make = make
    this.#default = make(breaker.default)
  }

  get connections(): number {
    return this.#default.connections + (this.#high?.connections ?? 0)
  }

  /** `undefined`: it has been called back already. */
  newStream(callbacks: UpstreamCallbacks, highPriority: boolean): PendingStream | undefined {
    if (!highPriority) return this.#default.newStream(callbacks)
    this.#high ??= this.#makeHigh()
    return this.#high.newStream(callbacks)
  }

  /** A retry may ask for it on a host that has gone, whose connections must not stay: the new pool is drained like the other. */
  #makeHigh(): ConnectionPool {
    const pool = this.#make(this.#breaker.high)
    if (this.#drained) pool.drain()
    return pool
  }

  /** Closes what is idle, and the rest after its request; who waits already is served. */
  drain(): void {
    this.#drained = true
    this.#default.drain()
    this.#high?.drain()
  }
}
