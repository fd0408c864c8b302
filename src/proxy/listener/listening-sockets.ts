import { createServer, type Server, type Socket } from 'node:net'
import { acceptDirectly } from './accept.ts'
import type { ListenAddress } from './listen-address.ts'

/**
 * Sockets that share an address have the kernel deal connections out to them (SO_REUSEPORT). libuv has that only where they are dealt out
 * evenly; elsewhere an address has one socket, and a proxy one worker.
 */
export const sharesPorts = ['linux', 'freebsd', 'dragonfly', 'sunos', 'aix'].includes(process.platform)

/**
 * libuv takes one connection from a socket in a turn of the event loop (libuv/libuv#3696), so that 64 that come together would wait for each
 * other through 64 turns, each with the work of those before. With so many sockets, as many come in a turn.
 */
const MOST = sharesPorts ? 8 : 1
/** A socket more for so many connections, until there are enough: the many listeners that hardly anybody connects to keep one. */
const PER_SOCKET = 8

/** An address, and how many connections the kernel holds for it (`tcp_backlog_size`). */
export interface BindOptions extends ListenAddress {
  readonly backlog: number
}

/** Where a listener's connections come from: the sockets of one address, in one worker. */
export class ListeningSockets {
  readonly #options: BindOptions
  readonly #accept: (socket: Socket) => void
  readonly #direct: () => boolean
  readonly #servers: Server[] = []
  #accepted = 0

  /** `direct` says whether connections get sockets with direct reads. */
  constructor(options: BindOptions, direct: () => boolean, accept: (socket: Socket) => void) {
    this.#options = options
    this.#direct = direct
    this.#accept = (socket) => {
      if (this.#servers.length < MOST && ++this.#accepted % PER_SOCKET === 0) this.#openAnother()
      accept(socket)
    }
  }

  /** Binds the address; resolves with the port, 0 for a path. */
  open(): Promise<number> {
    return this.#listen(this.#options.port)
  }

  /** Connections that have come and were not accepted are lost. */
  close(): void {
    for (const server of this.#servers) server.close()
  }

  #openAnother(): void {
    const bound = this.#servers[0].address()
    // It is closed, or listens at a path.
    if (bound === null || typeof bound === 'string') return
    // Where the system has no more sockets, those that are there have to do.
    this.#listen(bound.port).catch(() => undefined)
  }

  #listen(port: number): Promise<number> {
    const { ip, ipv6Only, backlog } = this.#options
    const server = createServer({ allowHalfOpen: true, noDelay: true }, this.#accept)
    this.#servers.push(server)
    const address = ip.startsWith('/') ? { path: ip } : { host: ip, port, ipv6Only, reusePort: sharesPorts }
    return new Promise((resolve, reject) => {
      server.on('error', reject)
      server.listen({ ...address, backlog }, () => {
        acceptDirectly(server, this.#direct, this.#accept)
        const bound = server.address()
        resolve(bound !== null && typeof bound === 'object' ? bound.port : 0)
      })
    })
  }
}
