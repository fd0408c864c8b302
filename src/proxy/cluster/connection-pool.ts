/** What the pools of both protocols have in common: requests in line, attempts to connect, and limits. */
import type { Socket } from 'node:net'
import type { Cell } from '../../telemetry/metrics.ts'
import type { ClientConnectionSettings } from '../http1/client-connection.ts'
import type { Resources } from './circuit-breaker.ts'
import { Connecting, type ConnectOwner } from './connecting.ts'
import type { ClusterStats, EndpointHost } from './endpoint-host.ts'
import { LongestLife, type Mortal } from './longest-life.ts'
import { type PendingStream, type UpstreamCallbacks, UpstreamFailure } from './upstream.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamTls } from './upstream-tls.ts'

/** What a cluster says of its connections. */
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

/** As in Envoy no more than these. */
const CONNECTS_AT_ONCE = 3

/** The connections to one host by one protocol. Requests wait in line where none is free. */
export abstract class HostPool implements ConnectionPool, ConnectOwner {
  readonly host: EndpointHost
  readonly settings: PoolSettings
  protected connecting = 0
  protected readonly pending: Pending[] = []
  protected drained = false

  constructor(host: EndpointHost, settings: PoolSettings) {
    this.host = host
    this.settings = settings
  }

  abstract readonly connections: number
  /** How many requests a connection will take, as far as is known before it is there. */
  protected abstract readonly capacity: number
  /** Where its connections are counted beside all others of the cluster, if they carry HTTP. */
  protected abstract readonly ofProtocol: Cell | undefined
  abstract newStream(callbacks: UpstreamCallbacks): PendingStream | undefined
  abstract closeIdle(): boolean
  abstract connected(socket: Socket, about: UpstreamConnection): void

  drain(): void {
    this.drained = true
  }

  /** Puts a request in line, if there may be another one; `undefined`: it has been refused. */
  protected enqueue(callbacks: UpstreamCallbacks): Pending | undefined {
    const { resources, stats } = this.settings
    if (!resources.pending.tryTake()) {
      stats.pendingOverflow.value++
      callbacks.onPoolFailure(UpstreamFailure.Overflow, 'overflow', this.host)
      return undefined
    }
    const pending = new Pending(this, callbacks)
    this.pending.push(pending)
    stats.pendingTotal.value++
    stats.pendingActive.value++
    this.host.pending++
    return pending
  }

  /** The next one in line. */
  protected dequeue(): UpstreamCallbacks | undefined {
    const next = this.pending.shift()
    if (next !== undefined) this.#leftQueue()
    return next?.callbacks
  }

  cancel(pending: Pending): void {
    const at = this.pending.indexOf(pending)
    if (at === -1) return
    this.pending.splice(at, 1)
    this.settings.stats.cancelled.value++
    this.#leftQueue()
  }

  #leftQueue(): void {
    this.settings.resources.pending.free()
    this.settings.stats.pendingActive.value--
    this.host.pending--
  }

  /**
   * Takes one of the requests that may be under way, for one that has a connection now: who waits is none yet (Envoy's
   * ConnPoolImplBase::attachStreamToClient). False: it was too much, and has heard so.
   */
  protected admits(to: UpstreamCallbacks): boolean {
    const { host, settings } = this
    if (settings.resources.requests.tryTake()) return true
    settings.stats.activeOverflow.value++
    // Unlike one that is not let into the queue it has a host, which it counts against (Envoy, too).
    host.errors++
    to.onPoolFailure(UpstreamFailure.Overflow, 'overflow', host)
    return false
  }

  /**
   * Connects for those in line. At the limit a pool still gets its first connection, or its requests would wait for ever (Envoy's
   * ConnPoolImplBase::tryCreateNewConnections, too).
   */
  protected connectMore(): void {
    const { resources, stats } = this.settings
    for (let i = 0; i < CONNECTS_AT_ONCE && this.pending.length > this.connecting * this.capacity; i++) {
      if (resources.connections.tryTake()) {
        this.#connect()
        continue
      }
      stats.connectionOverflow.value++
      if (this.connections > 0) return
      resources.connections.add()
      this.#connect()
      return
    }
  }

  #connect(): void {
    const { stats, connectTimeoutMs, tls } = this.settings
    stats.connections.value++
    const { ofProtocol } = this
    if (ofProtocol !== undefined) ofProtocol.value++
    this.host.connects++
    stats.activeConnections.value++
    const depth = this.pending[0].callbacks.proxied?.internalDepth ?? 0
    this.connecting++
    new Connecting(this, this.host, tls, connectTimeoutMs, depth).start()
  }

  connectFailed(failure: UpstreamFailure, reason: string): void {
    this.connecting--
    const timedOut = failure === UpstreamFailure.ConnectTimeout
    this.countEnd(!timedOut, false)
    const { stats } = this.settings
    stats.connectFail.value++
    if (timedOut) stats.connectTimeout.value++
    this.host.connectFailures++
    // Everyone who waits for this host would only wait as long again.
    for (const { callbacks } of this.pending.splice(0)) {
      stats.pendingFailures.value++
      callbacks.onPoolFailure(failure, reason, this.host)
      // Behind what it tries next: a retry budget counts it still (Envoy's PendingStream ends then).
      this.#leftQueue()
    }
  }

  /** One of those that were connecting has its connection. */
  protected established({ beganMono, connectedMono, securedMono }: UpstreamConnection): void {
    this.connecting--
    this.settings.stats.connectTime.record((securedMono || connectedMono) - beganMono)
  }

  protected countEnd(byPeer: boolean, incomplete: boolean): void {
    this.settings.resources.connections.free()
    this.settings.stats.activeConnections.value--
    this.settings.stats.ends.count(byPeer, incomplete)
  }

  /** Where connections may only be used for some time. */
  protected longestLife(connection: Mortal): LongestLife | undefined {
    const { maxDurationMs, stats } = this.settings
    return maxDurationMs === 0 ? undefined : new LongestLife(connection, maxDurationMs, stats.maxDurationReached)
  }
}

class Pending implements PendingStream {
  readonly callbacks: UpstreamCallbacks
  readonly #pool: HostPool

  constructor(pool: HostPool, callbacks: UpstreamCallbacks) {
    this.#pool = pool
    this.callbacks = callbacks
  }

  cancel(): void {
    this.#pool.cancel(this)
  }
}
