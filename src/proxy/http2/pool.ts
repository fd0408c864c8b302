/** The HTTP/2 connections to one host: many requests on one connection, more connections where its limit is reached. */
import type { Socket } from 'node:net'
import { Connecting, type ConnectOwner } from '../cluster/connecting.ts'
import { admits, type ConnectionPool, connectMore, longestLife, type PoolSettings } from '../cluster/connection-pool.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'
import { type PendingStream, type UpstreamCallbacks, UpstreamFailure } from '../cluster/upstream.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import {
  type ClientConnectionOwner,
  type ClientConnectionSettings,
  Http2ClientConnection,
} from './client-connection.ts'
import type { Http2Options } from './options.ts'
import type { Http2Stats } from './stats.ts'

export class Http2Pool implements ConnectionPool, ConnectOwner, ClientConnectionOwner {
  readonly host: EndpointHost
  readonly settings: PoolSettings
  readonly #connection: ClientConnectionSettings
  readonly #open: Http2ClientConnection[] = []
  #connecting = 0
  /** How many requests one that is being connected will take, as far as is known before the host's SETTINGS. */
  readonly #capacity: number
  readonly #pending: Pending[] = []
  #drained = false

  constructor(host: EndpointHost, settings: PoolSettings, options: Http2Options, stats: Http2Stats) {
    this.host = host
    this.settings = settings
    this.#capacity = Math.min(options.maxStreams, settings.maxRequestsPerConnection || Number.POSITIVE_INFINITY)
    this.#connection = {
      options,
      limits: settings.limits,
      stats,
      counts: settings.stats,
      maxRequests: settings.maxRequestsPerConnection,
      idleTimeoutMs: settings.idleTimeoutMs,
    }
  }

  get connections(): number {
    return this.#open.length + this.#connecting
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    const connection = this.#open.find((one) => one.free)
    if (connection !== undefined) {
      if (admits(this, callbacks)) this.#use(connection, callbacks)
      return undefined
    }
    const { resources, stats } = this.settings
    if (!resources.pending.tryTake()) {
      stats.pendingOverflow.value++
      callbacks.onPoolFailure(UpstreamFailure.Overflow, 'overflow', this.host)
      return undefined
    }
    const pending = new Pending(this, callbacks)
    this.#pending.push(pending)
    stats.pendingTotal.value++
    stats.pendingActive.value++
    connectMore(this)
    return pending
  }

  get short(): boolean {
    return this.#pending.length > this.#connecting * this.#capacity
  }

  drain(): void {
    this.#drained = true
    for (const connection of this.#open) connection.drain()
  }

  closeIdle(): boolean {
    const idle = this.#open.find((one) => one.free && !one.busy)
    idle?.drain()
    return idle !== undefined
  }

  cancel(pending: Pending): void {
    const at = this.#pending.indexOf(pending)
    if (at === -1) return
    this.#pending.splice(at, 1)
    this.settings.stats.cancelled.value++
    this.#leftQueue()
  }

  connected(socket: Socket, about: UpstreamConnection): void {
    this.#connecting--
    const connection = new Http2ClientConnection(socket, about, this.#connection, this)
    this.#open.push(connection)
    connection.life = longestLife(connection, this.settings)
    this.connectionFree()
    if (this.#drained) connection.drain()
  }

  connectFailed(failure: UpstreamFailure, reason: string): void {
    this.#connecting--
    this.#closed(failure !== UpstreamFailure.ConnectTimeout, false)
    const { stats } = this.settings
    stats.connectFail.value++
    if (failure === UpstreamFailure.ConnectTimeout) stats.connectTimeout.value++
    this.host.connectFailures++
    for (const pending of this.#pending.splice(0)) {
      stats.pendingFailures.value++
      pending.callbacks.onPoolFailure(failure, reason, this.host)
      // Behind what it tries next: a retry budget counts it still (Envoy's PendingStream ends then).
      this.#leftQueue()
    }
  }

  connectionClosed(connection: Http2ClientConnection): void {
    const at = this.#open.indexOf(connection)
    if (at === -1) return
    this.#open.splice(at, 1)
    this.#closed(connection.endedByPeer, connection.incomplete)
    connectMore(this)
  }

  #use(connection: Http2ClientConnection, callbacks: UpstreamCallbacks): void {
    const place = connection.use(callbacks)
    if (connection.spent) this.settings.stats.maxRequestsReached.value++
    callbacks.onPoolReady(place, this.host)
  }

  /** A connection is new, or has room again. */
  connectionFree(): void {
    while (this.#pending.length > 0) {
      const connection = this.#open.find((one) => one.free)
      if (connection === undefined) break
      const next = this.#pending.shift() as Pending
      this.#leftQueue()
      if (admits(this, next.callbacks)) this.#use(connection, next.callbacks)
    }
    connectMore(this)
  }

  #leftQueue(): void {
    this.settings.resources.pending.free()
    this.settings.stats.pendingActive.value--
  }

  #closed(byPeer: boolean, incomplete: boolean): void {
    this.settings.resources.connections.free()
    this.settings.stats.activeConnections.value--
    this.settings.stats.ends.count(byPeer, incomplete)
  }

  connect(): void {
    const { stats, connectTimeoutMs, tls } = this.settings
    const { proxied } = this.#pending[0].callbacks
    stats.connections.value++
    stats.http2Connections.value++
    this.host.connects++
    stats.activeConnections.value++
    const attempt = new Connecting(this, this.host, tls, connectTimeoutMs, proxied?.internalDepth ?? 0)
    this.#connecting++
    attempt.start()
  }
}

class Pending implements PendingStream {
  readonly callbacks: UpstreamCallbacks
  readonly #pool: Http2Pool

  constructor(pool: Http2Pool, callbacks: UpstreamCallbacks) {
    this.#pool = pool
    this.callbacks = callbacks
  }

  cancel(): void {
    this.#pool.cancel(this)
  }
}
