/** Connections that never leave the worker: from a cluster to a listener of the same proxy (Envoy's internal listeners). */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { ownCopy } from '../../base/own-memory.ts'
import { ReadSlab } from '../../base/read-slab.ts'

/** Listeners may be chained; a chain that comes back to itself would have no end. */
const MAX_DEPTH = 16

/** Envoy's name of the near end. */
const CLIENT = 'envoy://internal_client_address/'

type Accept = (socket: Socket) => void

/** The internal listeners of one worker, by name. */
export class InternalListeners {
  readonly #accepts = new Map<string, Accept>()

  set(name: string, accept: Accept): void {
    this.#accepts.set(name, accept)
  }

  /** `accept`: only if it is still that one which takes the connections. */
  delete(name: string, accept: Accept): void {
    if (this.#accepts.get(name) === accept) this.#accepts.delete(name)
  }

  /** `address`: as Envoy writes it. `depth`: of the connection that this one is made for, 0 where that came from outside. */
  connect(name: string, address: string, depth: number): Socket {
    const near = new InternalSocket(depth + 1, CLIENT, address)
    const far = new InternalSocket(depth + 1, address, CLIENT)
    near.peer = far
    far.peer = near
    process.nextTick(() => {
      if (near.destroyed) return
      const accept = this.#accepts.get(name)
      if (depth >= MAX_DEPTH) near.destroy(new Error(`more than ${MAX_DEPTH} internal listeners in a chain`))
      else if (accept === undefined) near.destroy(new Error(`there is no internal listener "${name}"`))
      else {
        near.emit('connect')
        accept(far as unknown as Socket)
      }
    })
    return near as unknown as Socket
  }
}

/** How many internal listeners a connection has come through. */
export function internalDepth(socket: Socket): number {
  return (socket as unknown) instanceof InternalSocket ? (socket as unknown as InternalSocket).depth : 0
}

/** One end of a pipe, and as much of a net.Socket as the proxy uses. A write is done when the other end has room for more. */
class InternalSocket extends Duplex {
  readonly depth: number
  readonly localAddress: string
  readonly remoteAddress: string
  readonly localPort = 0
  readonly remotePort = 0
  /** Set right after construction. */
  peer!: InternalSocket
  #written: (() => void) | undefined

  constructor(depth: number, localAddress: string, remoteAddress: string) {
    super({ allowHalfOpen: true })
    this.depth = depth
    this.localAddress = localAddress
    this.remoteAddress = remoteAddress
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  // What node:http does with the sockets that its agent keeps for health checks.
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  setTimeout(): this {
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  override _read(): void {
    const { peer } = this
    const written = peer.#written
    peer.#written = undefined
    written?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { peer } = this
    // The other end takes what it reads for its own and would give a slab back, of which a retry at this end may still have a part.
    const own = ReadSlab.of(chunk) === undefined ? chunk : ownCopy(chunk)
    if (peer.destroyed) done(new Error('the other end is closed'))
    else if (peer.push(own)) done()
    else this.#written = done
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.peer.destroyed) this.peer.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { peer } = this
    const written = this.#written
    this.#written = undefined
    written?.()
    // As a reset would: what the other end has not read yet it may read, but there is nobody to write to.
    if (!peer.destroyed) {
      if (this.writableFinished) process.nextTick(() => peer.#abandoned())
      else process.nextTick(() => peer.destroy())
    }
    done(error)
  }

  /** The other end has said all and is gone. */
  #abandoned(): void {
    if (this.destroyed) return
    if (this.readableEnded) this.destroy()
    else this.once('end', () => this.destroy())
  }
}
