import type { Socket } from 'node:net'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { type ReadSink, readInto } from '../network/direct-socket.ts'
import { countRead } from '../network/end-of-turn.ts'
import { HostPool } from './connection-pool.ts'
import { type PendingStream, type UpstreamCallbacks, UpstreamFailure, type UpstreamStream } from './upstream.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Connections to a host that carry the bytes of a CONNECT, which ends here (`connect_config`). None is used twice. */
export class TunnelPool extends HostPool {
  protected readonly capacity = 1
  protected readonly ofProtocol = undefined
  readonly #open = new Set<Tunnel>()

  get connections(): number {
    return this.#open.size + this.connecting
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    const pending = this.enqueue(callbacks)
    if (pending !== undefined) this.connectMore()
    return pending
  }

  closeIdle(): boolean {
    return false
  }

  connected(socket: Socket, about: UpstreamConnection): void {
    this.connecting--
    const callbacks = this.dequeue()
    if (callbacks === undefined) {
      // Who wanted it has gone.
      this.countEnd(false, false)
      socket.destroy()
      return
    }
    about.carriesHttp = false
    const { resources, stats, maxRequestsPerConnection } = this.settings
    if (maxRequestsPerConnection === 1) stats.maxRequestsReached.value++
    const tunnel = new Tunnel(socket, about, callbacks, this)
    this.#open.add(tunnel)
    // No limit of requests holds for connections (Envoy's TCP pool does not enforceMaxRequests), but they count.
    resources.requests.add()
    callbacks.onPoolReady(tunnel, this.host)
  }

  closed(tunnel: Tunnel): void {
    this.#open.delete(tunnel)
    this.countEnd(tunnel.endedByPeer, !tunnel.complete)
    this.connectMore()
  }
}

class Tunnel implements UpstreamStream, ReadSink {
  readonly wantsOwnBuffer = true
  readonly about: UpstreamConnection
  readonly #socket: Socket
  readonly #pool: TunnelPool
  #callbacks: UpstreamCallbacks | undefined
  endedByPeer = false
  /** Both sides have said all. */
  complete = false

  constructor(socket: Socket, about: UpstreamConnection, callbacks: UpstreamCallbacks, pool: TunnelPool) {
    this.about = about
    this.#socket = socket
    this.#callbacks = callbacks
    this.#pool = pool
    readInto(socket, this)
    socket.on('end', () => {
      // The second end is what ends a connection (ConnectionImpl::bothSidesHalfClosed).
      this.complete = socket.writableEnded
      this.endedByPeer = this.complete
      this.#take()?.onUpstreamData(new BodyBuffer(), true)
    })
    socket.on('drain', () => this.#callbacks?.onUpstreamDrained())
    socket.on('error', () => (this.endedByPeer = true))
    socket.on('close', () => {
      const owner = this.#take()
      this.#pool.closed(this)
      owner?.onUpstreamReset(UpstreamFailure.ConnectionTermination, 'connection closed')
    })
  }

  onRead(chunk: Buffer, owned: boolean): void {
    this.#callbacks?.onUpstreamData(BodyBuffer.of(owned ? chunk : Buffer.from(chunk)), false)
    countRead()
  }

  /** The connection is there, which is all that CONNECT asks for. */
  sendHeaders(_: HeaderMap, endStream: boolean): void {
    if (endStream) this.#socket.end()
    process.nextTick(() => this.#callbacks?.onUpstreamHeaders(HeaderMap.of([[':status', '200']]), false))
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    const socket = this.#socket
    let room = true
    for (const chunk of data.chunks) room = socket.write(chunk)
    data.clear()
    if (endStream) socket.end()
    else if (!room) this.#callbacks?.onUpstreamBlocked()
  }

  sendTrailers(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#callbacks = undefined
    this.#socket.destroy()
  }

  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }

  #take(): UpstreamCallbacks | undefined {
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    return callbacks
  }
}
