import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { openSocket, upstreamConnection } from '../../cluster/connecting.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import type { ConnectionInfo } from '../../network/connection-info.ts'
import { resetSocket } from '../../network/reset-socket.ts'
import { Timeout, type TimeoutOwner } from '../../timeout-queue.ts'
import type { TcpUpstream, TcpUpstreamOwner } from './upstream.ts'

/** A connection of its own to a host. It is one of the cluster's `connections` and `pending` already. */
export class SocketUpstream implements TcpUpstream, TimeoutOwner {
  readonly #owner: TcpUpstreamOwner
  readonly #cluster: Cluster
  readonly #host: EndpointHost
  readonly #socket: Socket
  readonly #timeout = new Timeout(this, 0)
  #connected = false
  #counted = true
  #over = false
  #endedByPeer = false
  #reset = false

  constructor(owner: TcpUpstreamOwner, cluster: Cluster, host: EndpointHost, connection: ConnectionInfo) {
    this.#owner = owner
    this.#cluster = cluster
    this.#host = host
    cluster.stats.connections.value++
    host.connects++
    host.tcpConnections++
    cluster.stats.activeConnections.value++
    cluster.stats.pendingTotal.value++
    cluster.stats.pendingActive.value++
    host.pending++
    const { tls, proxyHeader } = host.transport
    const began = performance.now()
    let connected = 0
    // Either side may end and still be sent to (Envoy's enableHalfClose).
    const socket = openSocket(host, tls, proxyHeader?.(connection), host.port, connection.internalDepth, true)
    this.#socket = socket
    this.#timeout.arm(cluster.config.connectTimeoutMs)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#endedByPeer = true
      this.#reset = error.code === 'ECONNRESET' || error.code === 'EPIPE'
      this.#failed(tls === undefined || this.#connected ? error.message : tls.failure(socket, error))
    })
    socket.on('close', () => this.#closed())
    if (tls !== undefined) socket.once('connect', () => (connected = performance.now()))
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      const refused = tls?.verify(socket)
      if (refused !== undefined) {
        this.#failed(refused)
        return
      }
      this.#timeout.cancel()
      this.#connected = true
      const about = upstreamConnection(socket, tls, began, connected)
      cluster.stats.connectTime.record((about.securedMono || about.connectedMono) - began)
      this.#leaveQueue()
      // No limit holds for it, but those that there are count it (Envoy's ConnPoolImplBase::attachStreamToClient).
      cluster.breaker.default.requests.add()
      cluster.requestBegun(host)
      socket.on('data', (chunk: Buffer) => {
        const data = new BodyBuffer()
        data.add(chunk)
        owner.upstreamData(data, false)
      })
      socket.on('end', () => {
        // The second end is what ends a connection (ConnectionImpl::bothSidesHalfClosed).
        this.#endedByPeer = socket.writableEnded
        owner.upstreamData(new BodyBuffer(), true)
      })
      socket.on('drain', () => owner.upstreamDrained())
      owner.upstreamReady(about)
    })
  }

  write(data: BodyBuffer, end: boolean): boolean {
    let room = true
    for (const chunk of data.chunks) room = this.#socket.write(chunk)
    data.clear()
    if (end) this.#socket.end()
    return room || end
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(reset: boolean): void {
    const before = !this.#over && !this.#connected
    this.#over = true
    this.#timeout.cancel()
    if (before) {
      this.#cluster.stats.cancelled.value++
      this.#countFailure()
    }
    if (reset && !before) resetSocket(this.#socket)
    else this.#socket.destroy()
  }

  onTimeout(): void {
    if (!this.#over && !this.#connected) this.#cluster.stats.connectTimeout.value++
    this.#failed('connect timeout')
  }

  #failed(reason: string): void {
    if (this.#over || this.#connected) return
    this.#over = true
    this.#timeout.cancel()
    this.#socket.destroy()
    this.#cluster.stats.pendingFailures.value++
    this.#countFailure()
    // The next attempt finds room for it.
    this.#uncount()
    this.#owner.upstreamFailed(reason)
  }

  #countFailure(): void {
    this.#cluster.stats.connectFail.value++
    this.#host.connectFailures++
    this.#leaveQueue()
  }

  /** It is a request of its cluster like others, which waits for its connection. */
  #leaveQueue(): void {
    this.#cluster.breaker.default.pending.free()
    this.#cluster.stats.pendingActive.value--
    this.#host.pending--
  }

  #uncount(): void {
    if (!this.#counted) return
    this.#counted = false
    this.#cluster.breaker.default.connections.free()
    this.#cluster.stats.activeConnections.value--
    this.#cluster.stats.ends.count(this.#endedByPeer, this.#connected)
    this.#host.tcpConnections--
    if (this.#connected) this.#cluster.requestOver(this.#host)
  }

  #closed(): void {
    this.#uncount()
    if (!this.#connected) this.#failed('closed')
    else if (!this.#over) {
      this.#over = true
      if (this.#reset) this.#owner.upstreamReset()
      else this.#owner.upstreamClosed()
    }
  }
}
