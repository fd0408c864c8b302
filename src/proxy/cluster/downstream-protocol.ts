import type { ConnectionPool } from './connection-pool.ts'
import type { PendingStream, UpstreamCallbacks } from './upstream.ts'

/** The connections to one host that is spoken to as its clients speak: by HTTP/2 for those, else by HTTP/1.1. */
export class DownstreamProtocolPools implements ConnectionPool {
  readonly #http1: ConnectionPool
  readonly #http2: ConnectionPool
  /** For what the proxy asks of its own accord. */
  readonly #own: ConnectionPool

  constructor(http1: ConnectionPool, http2: ConnectionPool, ownHttp2: boolean) {
    this.#http1 = http1
    this.#http2 = http2
    this.#own = ownHttp2 ? http2 : http1
  }

  get connections(): number {
    return this.#http1.connections + this.#http2.connections
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    const { byHttp2 } = callbacks
    const pool = byHttp2 === undefined ? this.#own : byHttp2 ? this.#http2 : this.#http1
    return pool.newStream(callbacks)
  }

  drain(): void {
    this.#http1.drain()
    this.#http2.drain()
  }

  closeIdle(): boolean {
    return this.#http1.closeIdle() || this.#http2.closeIdle()
  }
}
