/** One listener in one worker: accepts, finds the filter chain, starts the codec, and swaps its config while it serves. */

import { createServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { TLSSocket } from 'node:tls'
import { type Entry, IdTable } from '../../base/id-table.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import type { HealthState } from '../context.ts'
import type { AccessLogger } from '../http/access-log.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import { ResponseFlag, StreamInfo } from '../http/stream-info.ts'
import { type ConnectionOwner, Http1ServerConnection } from '../http1/server-connection.ts'
import { Http2ServerConnection } from '../http2/server-connection.ts'
import type { ConnectionInfo, TlsInfo } from '../network/connection-info.ts'
import { NetworkConnection } from '../network/network-connection.ts'
import type { ConnectionCount } from '../overload/connection-count.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import type { OwnedStats, StatsScope } from '../stats/scope.ts'
import { VERIFY_FAILURES, type VerifyFailure } from '../tls/downstream.ts'
import { acceptDirectly } from './accept.ts'
import { AcceptedInfo, SocketFacts } from './accepted-info.ts'
import type { ChainFacts } from './chain-facts.ts'
import type { CompiledChain, CompiledListener } from './compile-listener.ts'
import { type ListenAddress, listenerScope } from './listen-address.ts'
import { peek } from './peek.ts'
import { applySocketOptions } from './socket-options.ts'

export interface BindOptions extends ListenAddress {
  readonly backlog: number
  /** Each worker listens for itself. */
  readonly reusePort: boolean
}

/** What a listener finds in its worker. */
export interface ListenerSurroundings {
  ownStats(): OwnedStats
  readonly overload: OverloadState | undefined
  readonly health: HealthState
}

let nextConnectionId = 1

/** Ids differ between workers. */
export function seedConnectionIds(workerIndex: number): void {
  nextConnectionId = workerIndex * 2 ** 40 + 1
}

export class ListenerServer {
  readonly name: string
  #config: CompiledListener
  readonly #ownStats: OwnedStats
  /** Connections count where they began. */
  #stats: ListenerStats
  readonly #servers: Server[] = []
  readonly #health: HealthState
  readonly #overload: OverloadState | undefined
  /** Those of this listener, where it has a limit of its own. */
  readonly #limit: ConnectionCount | undefined
  readonly #connections = new IdTable<AcceptedConnection>()
  #draining = false
  #onEmpty: (() => void) | undefined

  constructor(config: CompiledListener, { ownStats, overload, health }: ListenerSurroundings) {
    this.#health = health
    this.name = config.name
    this.#overload = overload
    this.#limit = config.internal ? undefined : overload?.listener(config.name)
    this.#config = config
    this.#ownStats = ownStats()
    this.#stats = listenerStats(this.#ownStats, config)
  }

  /** Binds one address; resolves with the port. */
  listen({ ip, port, ipv6Only, backlog, reusePort }: BindOptions): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    this.#servers.push(server)
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        reject(new SluiceError('SL5003', `${ip}:${port}: ${messageOf(error)}`, { where: `listener "${this.name}"` }))
      })
      const address = ip.startsWith('/') ? { path: ip } : { host: ip, port, ipv6Only, reusePort }
      server.listen({ ...address, backlog }, () => {
        acceptDirectly(
          server,
          () => this.#config.plainHttp,
          (socket) => this.#accept(socket),
        )
        const bound = server.address()
        resolve(bound !== null && typeof bound === 'object' ? bound.port : 0)
      })
    })
  }

  /** Takes a connection from a cluster of this proxy. */
  readonly acceptInternal = (socket: Socket): void => this.#accept(socket)

  get config(): CompiledListener {
    return this.#config
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Puts a new config into force: for connections that it still fits from their next request on, the others drain. */
  swap(config: CompiledListener): void {
    const old = this.#config
    this.#config = config
    if (scopeOf(old) !== scopeOf(config)) this.#stats = listenerStats(this.#ownStats, config)
    for (const connection of this.#connections.all()) connection.reconsider(config)
    old.close()
  }

  /** Stops accepting, says so to clients, and resolves when the last connection is gone or the time is over. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    for (const server of this.#servers) server.close()
    for (const connection of this.#connections.all()) connection.drain()
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs)
        this.#onEmpty = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const connection of this.#connections.all()) {
      connection.destroy()
      this.removed(connection)
    }
    this.#config.close()
    this.#ownStats.close()
  }

  /** Envoy asks clients to go elsewhere, too, while it is told to fail its health checks (DrainManagerImpl::drainClose). */
  get draining(): boolean {
    return this.#draining || (this.#health.failed && this.#config.drainsUnhealthy)
  }

  removed(connection: AcceptedConnection): void {
    if (!this.#connections.delete(connection.id)) return
    connection.gone()
    if (connection.counted) this.#overload?.gone()
    this.#limit?.gone()
    if (this.#config.accessLogs.length > 0) connection.log(this.#config.accessLogs)
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  #accept(socket: Socket): void {
    const counted = this.#overload !== undefined && !this.#config.bypassesOverload
    if (counted && !this.#overload.accept(this.#config.countsGlobally)) {
      this.#stats.globalOverflow.value++
      socket.destroy()
      return
    }
    if (this.#limit?.accept(true) === false) {
      if (counted) this.#overload.gone()
      this.#stats.overflow.value++
      socket.destroy()
      return
    }
    this.#stats.total.value++
    this.#stats.active.value++
    if (this.#config.socketOptions !== undefined) applySocketOptions(socket, this.#config.socketOptions)
    const connection = new AcceptedConnection(this, socket, this.#stats, counted)
    this.#connections.add(connection)
    connection.start(this.#config)
  }
}

interface ListenerStats {
  readonly total: Cell
  readonly active: Cell
  readonly noMatch: Cell
  readonly peekTimeout: Cell
  /** Of all listeners, as in Envoy. */
  readonly proxyHeaderError: Cell
  readonly helloTooLarge: Cell
  readonly globalOverflow: Cell
  readonly overflow: Cell
  readonly handshakeTimeout: Cell
  readonly tlsErrors: Cell
  readonly verifyFailures: Readonly<Record<VerifyFailure, Cell>>
  readonly secretsNotReady: Cell
  readonly handshakes: Cell
}

function scopeOf({ addresses, name, statPrefix }: CompiledListener): string {
  return listenerScope(addresses, name, statPrefix)
}

function listenerStats(stats: StatsScope, config: CompiledListener): ListenerStats {
  const scope = stats.scope(scopeOf(config))
  return {
    total: scope.counter('downstream_cx_total'),
    active: scope.gauge('downstream_cx_active'),
    noMatch: scope.counter('no_filter_chain_match'),
    overflow: scope.counter('downstream_cx_overflow'),
    globalOverflow: scope.counter('downstream_global_cx_overflow'),
    handshakeTimeout: scope.counter('downstream_cx_transport_socket_connect_timeout'),
    peekTimeout: scope.counter('downstream_pre_cx_timeout'),
    proxyHeaderError: stats.counter('downstream_cx_proxy_proto_error'),
    helloTooLarge: stats.counter('tls_inspector.client_hello_too_large'),
    tlsErrors: scope.counter('ssl.connection_error'),
    verifyFailures: Object.fromEntries(
      VERIFY_FAILURES.map((name) => [name, scope.counter(`ssl.${name}`)]),
    ) as ListenerStats['verifyFailures'],
    secretsNotReady: scope.counter('server_ssl_socket_factory.downstream_context_secrets_not_ready'),
    handshakes: scope.counter('ssl.handshake'),
  }
}

const ACCEPTED = Symbol('accepted')
const NO_PROTOCOLS: readonly string[] = []

/** A connection from accept to close, across config changes. */
class AcceptedConnection implements ConnectionOwner, Entry {
  readonly id = nextConnectionId++
  nextInTable: Entry | undefined
  /** Among those that the bootstrap limits. */
  readonly counted: boolean
  readonly #listener: ListenerServer
  readonly #socket: Socket
  readonly #stats: ListenerStats
  #facts!: ChainFacts
  #chain: CompiledChain | undefined
  #manager: ConnectionManager | undefined
  #http: Http1ServerConnection | Http2ServerConnection | undefined
  #network: NetworkConnection | undefined
  #draining = false
  #noMatch = false
  #info: ConnectionInfo | undefined
  readonly #begun = performance.now()

  constructor(listener: ListenerServer, socket: Socket, stats: ListenerStats, counted: boolean) {
    this.counted = counted
    this.#listener = listener
    this.#socket = socket
    this.#stats = stats
  }

  start(config: CompiledListener): void {
    const socket = this.#socket
    const accepted: AcceptedSocket = socket
    accepted[ACCEPTED] = this
    accepted.on('error', ignore).on('close', onClose)
    const { inspectsTls, inspectsHttp, proxyProtocol } = config
    // Once it is closed a socket does not tell its addresses any more, and a log that wants them may come with another config.
    this.#facts = new SocketFacts(socket, '', 'raw_buffer', NO_PROTOCOLS)
    if (!inspectsTls && !inspectsHttp && !proxyProtocol) {
      this.#choose(config)
      return
    }
    peek(socket, config, (found) => {
      if (typeof found === 'string') {
        this.#stats[found].value++
        socket.destroy()
        return
      }
      this.#facts = {
        ...new SocketFacts(socket, found.serverName, found.transport, found.protocols),
        ...found.addresses,
      }
      this.#choose(this.#listener.config)
    })
  }

  /** The manager for the next request. */
  manager(): ConnectionManager | undefined {
    return this.#manager
  }

  get draining(): boolean {
    return this.#draining || this.#listener.draining
  }

  connectionClosed(): void {
    this.#listener.removed(this)
  }

  reconsider(config: CompiledListener): void {
    const old = this.#chain
    // Not yet that far: it will find the new config by itself.
    if (old === undefined) return
    // As in Envoy, a connection stays where it is while that chain stays, though others may be meant for such connections by now.
    const chain = config.chains.find(({ identity }) => identity === old.identity) ?? config.choose(this.#facts)
    if (chain !== undefined && chain.manager !== undefined && old.manager !== undefined && this.#fits(old, chain)) {
      this.#chain = chain
      this.#manager = chain.manager
      return
    }
    if (chain !== undefined && chain.manager === undefined && old.manager === undefined && this.#fits(old, chain))
      return
    this.#manager = undefined
    // Still in its handshake: nothing was asked, and nobody is left to answer.
    if (this.#http === undefined && this.#network === undefined) this.#socket.destroy()
    else this.drain()
  }

  drain(): void {
    this.#draining = true
    this.#http?.drain()
    if (this.#chain === undefined) this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  gone(): void {
    this.#stats.active.value--
  }

  /** Tells the listener's access logs of the connection as a whole; those of requests are the connection manager's. */
  log(logs: readonly AccessLogger[]): void {
    const info = new StreamInfo(this.#info ?? this.#describe(undefined))
    info.startMono = this.#begun
    info.startTime = performance.timeOrigin + this.#begun
    info.endMono = performance.now()
    if (this.#http !== undefined) info.protocol = this.#http instanceof Http2ServerConnection ? 'HTTP/2' : 'HTTP/1.1'
    if (this.#noMatch) {
      info.responseFlags |= ResponseFlag.NoRouteFound
      info.responseCodeDetails = 'filter_chain_not_found'
    }
    for (const log of logs) log.log(info)
  }

  #fits(old: CompiledChain, next: CompiledChain): boolean {
    return old.tlsKey === next.tlsKey && old.networkSlots.length === next.networkSlots.length
  }

  #choose(config: CompiledListener): void {
    const chain = config.choose(this.#facts)
    if (chain === undefined) {
      this.#stats.noMatch.value++
      this.#noMatch = true
      this.#socket.destroy()
      return
    }
    this.#chain = chain
    this.#manager = chain.manager
    if (chain.tls === undefined) {
      this.#serve(this.#socket, undefined)
      return
    }
    const { tls } = chain
    if (tls === 'not ready') {
      this.#stats.secretsNotReady.value++
      this.#socket.destroy()
      return
    }
    // Ended while it was looked at.
    if (this.#socket.readableEnded) {
      this.#socket.destroy()
      return
    }
    const secure = tls.wrap(this.#socket)
    secure.on('error', ({ code }: NodeJS.ErrnoException) => {
      // As in Envoy it is none of TLS that a client goes with a reset.
      if (code === 'EPROTO' || code?.startsWith('ERR_SSL_')) this.#stats.tlsErrors.value++
      secure.destroy()
    })
    const timer =
      chain.handshakeTimeoutMs === 0
        ? undefined
        : setTimeout(() => {
            this.#stats.handshakeTimeout.value++
            secure.destroy()
          }, chain.handshakeTimeoutMs).unref()
    secure.once('close', () => {
      clearTimeout(timer)
      this.#socket.destroy()
    })
    // Who ends before the handshake is over has nothing to ask: half-open is for what comes after.
    const given = () => secure.destroy()
    secure.once('end', given)
    secure.once('secure', () => {
      clearTimeout(timer)
      secure.off('end', given)
      const result = tls.accept(secure)
      if ('refused' in result) {
        this.#stats.verifyFailures[result.refused].value++
        secure.destroy()
        return
      }
      this.#stats.handshakes.value++
      this.#serve(secure, result.info)
    })
  }

  #serve(socket: Socket | TLSSocket, tls: TlsInfo | undefined): void {
    // A config may have come while the handshake ran.
    const chain = this.#chain as CompiledChain
    const info = this.#describe(tls)
    this.#info = info
    if (chain.networkSlots.length > 0 || this.#manager === undefined) {
      const closed = () => this.connectionClosed()
      this.#network = new NetworkConnection(socket, info, chain.networkSlots, this.#listener.config.bufferLimit, closed)
      if (this.#manager !== undefined) this.#serveHttp(this.#network.asSocket(), info, this.#manager)
      this.#network.start()
      return
    }
    this.#serveHttp(socket, info, this.#manager)
  }

  #serveHttp(socket: Socket, info: ConnectionInfo, manager: ConnectionManager): void {
    const { codec } = manager.options
    const http2 = codec === 'http2' || (codec === 'auto' && info.tls?.alpn === 'h2')
    // What serves the socket tells its end, too, and a second listener would cost each connection an array.
    if (socket === this.#socket) socket.off('close', onClose)
    if (http2) this.#http = new Http2ServerConnection(socket, info, this, manager)
    else {
      // Without TLS only the connection preface tells HTTP/2 (RFC 9113 3.3).
      const onPreface = codec === 'auto' ? (first: Buffer) => this.#switchToHttp2(socket, info, first) : undefined
      this.#http = new Http1ServerConnection(socket, info, this, manager, onPreface)
    }
    if (this.#draining) this.#http.drain()
  }

  #switchToHttp2(socket: Socket, info: ConnectionInfo, first: Buffer): void {
    if (this.#manager === undefined) return
    const connection = new Http2ServerConnection(socket, info, this, this.#manager)
    this.#http = connection
    connection.onRead(first, true)
  }

  #describe(tls: TlsInfo | undefined): ConnectionInfo {
    return new AcceptedInfo(this.id, this.#socket, this.#facts, this.#listener.name, tls)
  }
}

// One function for the sockets of all connections: see RATIONALE.md, "Why do connections keep no literals?".

interface AcceptedSocket extends Socket {
  [ACCEPTED]?: AcceptedConnection
}

function onClose(this: AcceptedSocket): void {
  this[ACCEPTED]?.connectionClosed()
}

function ignore(): void {}
