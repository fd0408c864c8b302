import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import type { ProxiedAddresses } from '../../cluster/proxy-protocol.ts'
import {
  type PendingStream,
  type UpstreamCallbacks,
  UpstreamFailure,
  type UpstreamStream,
} from '../../cluster/upstream.ts'
import type { TcpUpstream, TcpUpstreamOwner } from './upstream.ts'

/** A tunnel through a host, by CONNECT or by POST, over the HTTP that its cluster speaks. */
export class TunnelUpstream implements TcpUpstream, UpstreamCallbacks {
  readonly proxied: ProxiedAddresses
  readonly #cluster: Cluster
  readonly #request: HeaderMap
  #owner: TcpUpstreamOwner | undefined
  #host: EndpointHost | undefined
  #pending: PendingStream | undefined
  #stream: UpstreamStream | undefined
  #open = false
  #blocked = false
  #localDone = false
  #remoteDone = false

  constructor(owner: TcpUpstreamOwner, cluster: Cluster, request: HeaderMap, proxied: ProxiedAddresses) {
    this.#owner = owner
    this.#cluster = cluster
    this.#request = request
    this.proxied = proxied
  }

  /** Possibly calls back from within. */
  start(host: EndpointHost): void {
    const pending = host.pool.newStream(this, false)
    if (this.#stream === undefined) this.#pending = pending
  }

  write(data: BodyBuffer, end: boolean): boolean {
    if (this.#stream === undefined) data.clear()
    else {
      const stream = this.#stream
      if (end) this.#localDone = true
      if (this.#localDone && this.#remoteDone) this.#complete()
      stream.sendData(data, end)
    }
    return !this.#blocked
  }

  pause(): void {
    this.#stream?.pauseReading()
  }

  resume(): void {
    this.#stream?.resumeReading()
  }

  destroy(): void {
    this.#owner = undefined
    this.#release()
    this.#pending?.cancel()
    this.#stream?.reset()
    this.#stream = undefined
  }

  // From the pool and the connection

  onPoolReady(stream: UpstreamStream, host: EndpointHost): void {
    this.#pending = undefined
    this.#host = host
    this.#cluster.requestBegun(host)
    if (this.#owner === undefined) {
      this.#release()
      stream.reset()
      return
    }
    this.#stream = stream
    stream.sendHeaders(this.#request, false)
  }

  onPoolFailure(failure: UpstreamFailure, reason: string): void {
    this.#pending = undefined
    if (failure !== UpstreamFailure.Overflow) {
      this.#gone(reason)
      return
    }
    const owner = this.#owner
    this.#owner = undefined
    this.#release()
    owner?.upstreamOverflowed()
  }

  /** RFC 9110 9.3.6: any answer of 2xx to CONNECT opens the tunnel. */
  onUpstreamHeaders(headers: HeaderMap, endStream: boolean): void {
    const status = Number(headers.get(':status'))
    const { stats } = this.#cluster
    stats.answers.given(status, true)
    const stream = this.#stream
    if (this.#owner === undefined || stream === undefined) return
    if (endStream || status < 200 || status > 299) {
      // Our side is open still, also where the answer is all that there is.
      this.#stream = undefined
      stream.reset()
      this.#gone(`tunnel_response:${status}`)
      return
    }
    this.#open = true
    this.#owner.upstreamReady(stream.about)
  }

  onUpstreamData(data: BodyBuffer, endStream: boolean): void {
    const owner = this.#owner
    if (endStream) this.#remoteDone = true
    if (this.#localDone && this.#remoteDone) this.#complete()
    owner?.upstreamData(data, endStream)
  }

  onUpstreamTrailers(): void {
    this.onUpstreamData(new BodyBuffer(), true)
  }

  /** Both sides have ended: the connection may carry another request by now. */
  #complete(): void {
    this.#stream = undefined
    this.#release()
  }

  onUpstreamReset(_failure: UpstreamFailure, reason: string): void {
    this.#stream = undefined
    this.#gone(reason)
  }

  onUpstreamBlocked(): void {
    this.#blocked = true
  }

  onUpstreamDrained(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#owner?.upstreamDrained()
  }

  #gone(reason: string): void {
    const owner = this.#owner
    this.#owner = undefined
    this.#release()
    if (this.#open) owner?.upstreamClosed()
    else owner?.upstreamFailed(reason)
  }

  #release(): void {
    if (this.#host === undefined) return
    this.#cluster.requestOver(this.#host)
    this.#host = undefined
  }
}
