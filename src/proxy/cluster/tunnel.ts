import type { Socket } from 'node:net'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { type ReadSink, readInto } from '../network/direct-socket.ts'
import { countRead } from '../network/end-of-turn.ts'
import { Connecting, type ConnectOwner } from './connecting.ts'
import type { ConnectionPool, PoolSettings } from './connection-pool.ts'
import type { EndpointHost } from './endpoint-host.ts'
import type { ProxyHeaderWriter } from './proxy-protocol.ts'
import { type PendingStream, type UpstreamCallbacks, UpstreamFailure, type UpstreamStream } from './upstream.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Connections to a host that carry the bytes of a CONNECT, which ends here (`connect_config`). None is used twice. */
export class TunnelPool implements ConnectionPool {
  readonly #host: EndpointHost
  readonly #settings: PoolSettings
  readonly #proxyHeader: ProxyHeaderWriter | undefined
  readonly #open = new Set<Tunnel>()

  constructor(host: EndpointHost, settings: PoolSettings, proxyHeader: ProxyHeaderWriter | undefined) {
    this.#host = host
    this.#settings = settings
    this.#proxyHeader = proxyHeader
  }

  get connections(): number {
    return this.#open.size
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    const { resources, stats } = this.#settings
    if (!resources.connections.tryTake()) {
      stats.connectionOverflow.value++
      callbacks.onPoolFailure(UpstreamFailure.Overflow, 'overflow', this.#host)
      return undefined
    }
    const preamble = this.#proxyHeader?.(callbacks.proxied)
    const settings = preamble === undefined ? this.#settings : { ...this.#settings, preamble }
    const tunnel = new Tunnel(this.#host, settings, callbacks, () => this.#open.delete(tunnel))
    this.#open.add(tunnel)
    tunnel.connect()
    return tunnel
  }

  /** What is under way goes on, as with other requests. */
  drain(): void {}

  closeIdle(): boolean {
    return false
  }
}

class Tunnel implements ConnectOwner, PendingStream, UpstreamStream, ReadSink {
  readonly wantsOwnBuffer = true
  readonly settings: PoolSettings
  readonly #host: EndpointHost
  readonly #gone: () => void
  #callbacks: UpstreamCallbacks | undefined
  #socket: Socket | undefined
  #counted = false
  #endedByPeer = false
  #about: UpstreamConnection | undefined

  constructor(host: EndpointHost, settings: PoolSettings, callbacks: UpstreamCallbacks, gone: () => void) {
    this.settings = settings
    this.#host = host
    this.#callbacks = callbacks
    this.#gone = gone
  }

  get about(): UpstreamConnection {
    return this.#about as UpstreamConnection
  }

  connect(): void {
    const { stats, tls, connectTimeoutMs } = this.settings
    stats.connections.value++
    this.#host.connects++
    stats.activeConnections.value++
    this.#counted = true
    new Connecting(this, this.#host, tls, connectTimeoutMs, this.#callbacks?.proxied?.internalDepth ?? 0).start()
  }

  connected(socket: Socket, about: UpstreamConnection): void {
    this.#socket = socket
    this.#about = about
    readInto(socket, this)
    socket.on('end', () => {
      // The second end is what ends a connection (ConnectionImpl::bothSidesHalfClosed).
      this.#endedByPeer = socket.writableEnded
      const callbacks = this.#callbacks
      this.#callbacks = undefined
      callbacks?.onUpstreamData(new BodyBuffer(), true)
    })
    socket.on('drain', () => this.#callbacks?.onUpstreamDrained())
    socket.on('error', () => (this.#endedByPeer = true))
    socket.on('close', () => this.#closed())
    const callbacks = this.#callbacks
    if (callbacks === undefined) socket.destroy()
    else {
      this.settings.resources.requests.add()
      callbacks.onPoolReady(this, this.#host)
    }
  }

  onRead(chunk: Buffer, owned: boolean): void {
    this.#callbacks?.onUpstreamData(BodyBuffer.of(owned ? chunk : Buffer.from(chunk)), false)
    countRead()
  }

  connectFailed(failure: UpstreamFailure, reason: string): void {
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    this.settings.stats.connectFail.value++
    this.settings.stats.pendingFailures.value++
    this.#endedByPeer = failure !== UpstreamFailure.ConnectTimeout
    this.#release()
    callbacks?.onPoolFailure(failure, reason, this.#host)
  }

  cancel(): void {
    this.#callbacks = undefined
  }

  /** The connection is there, which is all that CONNECT asks for. */
  sendHeaders(_: HeaderMap, endStream: boolean): void {
    if (endStream) this.#socket?.end()
    process.nextTick(() => this.#callbacks?.onUpstreamHeaders(HeaderMap.of([[':status', '200']]), false))
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    const socket = this.#socket as Socket
    let room = true
    for (const chunk of data.chunks) room = socket.write(chunk)
    data.clear()
    if (endStream) socket.end()
    else if (!room) this.#callbacks?.onUpstreamBlocked()
  }

  sendTrailers(): void {
    this.#socket?.end()
  }

  reset(): void {
    this.#callbacks = undefined
    this.#socket?.destroy()
  }

  pauseReading(): void {
    this.#socket?.pause()
  }

  resumeReading(): void {
    this.#socket?.resume()
  }

  #closed(): void {
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    this.#release()
    callbacks?.onUpstreamReset(UpstreamFailure.ConnectionTermination, 'connection closed')
  }

  #release(): void {
    if (!this.#counted) return
    this.#counted = false
    this.settings.resources.connections.free()
    this.settings.stats.activeConnections.value--
    this.settings.stats.ends.count(this.#endedByPeer, this.#about !== undefined)
    this.#gone()
  }
}
