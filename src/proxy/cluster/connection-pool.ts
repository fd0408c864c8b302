/** The HTTP/1.1 connections to one host: idle ones are used last in, first out; requests wait in line where there is none. */
import type { Socket } from 'node:net'
import { IdTable } from '../../base/id-table.ts'
import {
  type ClientConnectionOwner,
  type ClientConnectionSettings,
  Http1ClientConnection,
} from '../http1/client-connection.ts'
import { IdleTimer } from '../idle-timer.ts'
import { readInto } from '../network/direct-socket.ts'
import type { Resources } from './circuit-breaker.ts'
import { Connecting, type ConnectOwner } from './connecting.ts'
import type { ClusterStats, EndpointHost } from './endpoint-host.ts'
import { LongestLife, type Mortal } from './longest-life.ts'
import { type PendingStream, type UpstreamCallbacks, UpstreamFailure } from './upstream.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamTls } from './upstream-tls.ts'

export interface PoolSettings extends ClientConnectionSettings {
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  /** 0: any. */
  readonly maxDurationMs: number
  readonly tls: UpstreamTls | undefined
  /** What the priority of its requests may have. */
  readonly resources: Resources
  readonly stats: ClusterStats
  /** The server that its requests are for (auto-names.ts). */
  readonly serverName?: string
  /** What a connection begins with, in front of TLS. */
  readonly preamble?: Buffer
}

/** The connections to a host for the requests of one priority, by either protocol. */
export interface ConnectionPool {
  /** `undefined`: it has been called back already. */
  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined
  /** Closes what is idle, and the rest after its request; who waits already is served. */
  drain(): void
  /** Closes a connection that nobody uses; false: there is none. */
  closeIdle(): boolean
  readonly connections: number
}

export class Http1Pool implements ConnectionPool, ConnectOwner, ClientConnectionOwner {
  readonly host: EndpointHost
  readonly settings: PoolSettings
  readonly #idle: Http1ClientConnection[] = []
  /** Busy and idle ones. */
  readonly #open = new IdTable<Http1ClientConnection>()
  #connecting = 0
  readonly #pending: Pending[] = []
  #drained = false

  constructor(host: EndpointHost, settings: PoolSettings) {
    this.host = host
    this.settings = settings
  }

  get connections(): number {
    return this.#open.size + this.#connecting
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    if (this.#idle.length > 0) {
      if (admits(this, callbacks)) this.#use(this.#idle.pop() as Http1ClientConnection, callbacks)
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
    return this.#pending.length > this.#connecting
  }

  drain(): void {
    this.#drained = true
    for (const connection of this.#open.all()) connection.retired = true
    for (const connection of this.#idle.splice(0)) connection.socket.destroy()
  }

  closeIdle(): boolean {
    const oldest = this.#idle.shift()
    oldest?.socket.destroy()
    return oldest !== undefined
  }

  cancel(pending: Pending): void {
    const at = this.#pending.indexOf(pending)
    if (at === -1) return
    this.#pending.splice(at, 1)
    this.settings.stats.cancelled.value++
    this.#leftQueue()
  }

  #leftQueue(): void {
    this.settings.resources.pending.free()
    this.settings.stats.pendingActive.value--
  }

  #use(connection: Http1ClientConnection, callbacks: UpstreamCallbacks): void {
    connection.attach(callbacks)
    if (connection.spent) this.settings.stats.maxRequestsReached.value++
    callbacks.onPoolReady(connection, this.host)
  }

  // From connections

  connectionIdle(connection: Http1ClientConnection): void {
    connection.retired = this.#drained
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      this.#leftQueue()
      if (!admits(this, next.callbacks)) continue
      this.#use(connection, next.callbacks)
      connectMore(this)
      return
    }
    if (this.#drained) {
      connection.socket.destroy()
      return
    }
    this.#idle.push(connection)
    connection.idle ??= new IdleTimer(connection, this.settings.idleTimeoutMs)
    connection.idle.touch()
  }

  connectionClosed(connection: Http1ClientConnection): void {
    connection.idle?.stop()
    connection.life?.stop()
    this.#open.delete(connection.id)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    this.#closed(connection.endedByPeer, connection.incomplete)
    // Requests may be waiting because of the limit that this connection counted towards.
    connectMore(this)
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
    stats.http1Connections.value++
    this.host.connects++
    stats.activeConnections.value++
    const attempt = new Connecting(this, this.host, tls, connectTimeoutMs, proxied?.internalDepth ?? 0)
    this.#connecting++
    attempt.start()
  }

  // From attempts

  connected(socket: Socket, about: UpstreamConnection): void {
    this.#connecting--
    const connection = new Http1ClientConnection(socket, about, this.settings, this)
    readInto(socket, connection)
    socket.on('end', () => connection.onEnd())
    socket.on('drain', () => connection.onDrain())
    socket.on('error', (error) => connection.onSocketError(error))
    socket.on('close', () => connection.onClose('connection closed'))
    this.#open.add(connection)
    connection.life = longestLife(connection, this.settings)
    this.connectionIdle(connection)
  }

  connectFailed(failure: UpstreamFailure, reason: string): void {
    this.#connecting--
    this.#closed(failure !== UpstreamFailure.ConnectTimeout, false)
    const { stats } = this.settings
    stats.connectFail.value++
    if (failure === UpstreamFailure.ConnectTimeout) stats.connectTimeout.value++
    this.host.connectFailures++
    // Everyone who waits for this host would only wait as long again.
    const waiting = this.#pending.splice(0)
    for (const pending of waiting) {
      stats.pendingFailures.value++
      pending.callbacks.onPoolFailure(failure, reason, this.host)
      // Behind what it tries next: a retry budget counts it still (Envoy's PendingStream ends then).
      this.#leftQueue()
    }
  }
}

/**
 * Takes one of the requests that may be under way, for one that has a connection now: who waits is none yet (Envoy's
 * ConnPoolImplBase::attachStreamToClient). False: it was too much, and has heard so.
 */
export function admits(
  { host, settings }: { host: EndpointHost; settings: PoolSettings },
  to: UpstreamCallbacks,
): boolean {
  if (settings.resources.requests.tryTake()) return true
  settings.stats.activeOverflow.value++
  // Unlike one that is not let into the queue it has a host, which it counts against (Envoy, too).
  host.errors++
  to.onPoolFailure(UpstreamFailure.Overflow, 'overflow', host)
  return false
}

/** Where connections may only be used for some time. */
export function longestLife(connection: Mortal, { maxDurationMs, stats }: PoolSettings): LongestLife | undefined {
  return maxDurationMs === 0 ? undefined : new LongestLife(connection, maxDurationMs, stats.maxDurationReached)
}

/** A pool whose requests wait for connections. */
interface Growing {
  readonly settings: PoolSettings
  readonly connections: number
  /** More requests wait than what is being connected will take. */
  readonly short: boolean
  connect(): void
}

/** As in Envoy no more than these at once (ConnPoolImplBase::tryCreateNewConnections). */
const CONNECTS_AT_ONCE = 3

/** Connects for those that wait. At the limit a pool still gets its first, or its requests would wait for ever (Envoy, too). */
export function connectMore(pool: Growing): void {
  const { resources, stats } = pool.settings
  for (let i = 0; i < CONNECTS_AT_ONCE && pool.short; i++) {
    if (resources.connections.tryTake()) {
      pool.connect()
      continue
    }
    stats.connectionOverflow.value++
    if (pool.connections > 0) return
    resources.connections.add()
    pool.connect()
    return
  }
}

class Pending implements PendingStream {
  readonly callbacks: UpstreamCallbacks
  readonly #pool: Http1Pool

  constructor(pool: Http1Pool, callbacks: UpstreamCallbacks) {
    this.#pool = pool
    this.callbacks = callbacks
  }

  cancel(): void {
    this.#pool.cancel(this)
  }
}
