import type { Socket } from 'node:net'
import type { Cell } from '../../telemetry/metrics.ts'
import { HostPool, type PoolSettings } from '../cluster/connection-pool.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'
import { upgradeOf } from '../cluster/upgrade.ts'
import type { PendingStream, UpstreamCallbacks } from '../cluster/upstream.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import {
  type ClientConnectionOwner,
  type ClientConnectionSettings,
  Http2ClientConnection,
} from './client-connection.ts'
import type { Http2Options } from './options.ts'
import type { Http2Stats } from './stats.ts'

/** As in Envoy, and also where more are asked for: the ids of a connection end at 2^31 (RFC 9113 5.1.1), and half of them are the server's. */
const MOST_REQUESTS = 2 ** 29

/** The HTTP/2 connections to one host: many requests on one connection, more connections where its limit is reached. */
export class Http2Pool extends HostPool implements ClientConnectionOwner {
  readonly #connection: ClientConnectionSettings
  readonly #open: Http2ClientConnection[] = []
  protected readonly capacity: number

  constructor(host: EndpointHost, settings: PoolSettings, options: Http2Options, stats: Http2Stats) {
    super(host, settings)
    const maxRequests = Math.min(settings.maxRequestsPerConnection || MOST_REQUESTS, MOST_REQUESTS)
    this.capacity = Math.min(options.maxStreams, maxRequests)
    this.#connection = {
      options,
      limits: settings.limits,
      stats,
      counts: settings.stats,
      maxRequests,
      idleTimeoutMs: settings.idleTimeoutMs,
    }
  }

  protected get ofProtocol(): Cell {
    return this.settings.stats.http2Connections
  }

  get connections(): number {
    return this.#open.length + this.connecting
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    const connection = this.#open.find((one) => one.free)
    if (connection !== undefined) {
      if (this.admits(callbacks)) this.#use(connection, callbacks)
      return undefined
    }
    const pending = this.enqueue(callbacks)
    if (pending !== undefined) this.connectMore()
    return pending
  }

  override drain(): void {
    super.drain()
    for (const connection of this.#open) connection.drain()
  }

  closeIdle(): boolean {
    const idle = this.#open.find((one) => one.free && !one.busy)
    idle?.drain()
    return idle !== undefined
  }

  connected(socket: Socket, about: UpstreamConnection): void {
    this.established(about)
    const connection = new Http2ClientConnection(socket, about, this.#connection, this)
    this.#open.push(connection)
    connection.life = this.longestLife(connection)
    this.connectionFree()
    if (this.drained) connection.drain()
  }

  connectionClosed(connection: Http2ClientConnection): void {
    const at = this.#open.indexOf(connection)
    if (at === -1) return
    this.#open.splice(at, 1)
    this.countEnd(connection.endedByPeer, connection.incomplete)
    this.connectMore()
  }

  /** A connection is new, or has room again. */
  connectionFree(): void {
    while (this.pending.length > 0) {
      const connection = this.#open.find((one) => one.free)
      if (connection === undefined) break
      const next = this.dequeue() as UpstreamCallbacks
      if (this.admits(next)) this.#use(connection, next)
    }
    this.connectMore()
  }

  #use(connection: Http2ClientConnection, callbacks: UpstreamCallbacks): void {
    const place = connection.use(callbacks)
    if (connection.spent) this.settings.stats.maxRequestsReached.value++
    const { requestHeaders } = callbacks
    if (requestHeaders === undefined || upgradeOf(requestHeaders) === '') callbacks.onPoolReady(place, this.host)
    // RFC 8441 3: no extended CONNECT before the peer has said that it takes it.
    else connection.whenGreeted(() => callbacks.onPoolReady(place, this.host))
  }
}
