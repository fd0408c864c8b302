import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { TLSSocket } from 'node:tls'
import type { Entry } from '../../base/id-table.ts'
import type { AccessLogger } from '../http/access-log.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { HttpStats } from '../http/http-stats.ts'
import { ResponseFlag, StreamInfo } from '../http/stream-info.ts'
import { type ConnectionOwner, Http1ServerConnection } from '../http1/server-connection.ts'
import { Http2ServerConnection } from '../http2/server-connection.ts'
import type { ConnectionInfo, TlsInfo } from '../network/connection-info.ts'
import { NetworkConnection } from '../network/network-connection.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { isTlsError } from '../tls/tls-stats.ts'
import { AcceptedInfo, SocketFacts } from './accepted-info.ts'
import type { ChainFacts } from './chain-facts.ts'
import type { CompiledChain, CompiledListener } from './compile-listener.ts'
import type { ListenerStats } from './listener-stats.ts'
import { peek } from './peek.ts'

/** The listener that accepted it. */
export interface AcceptingListener {
  readonly name: string
  readonly config: CompiledListener
  readonly draining: boolean
  removed(connection: AcceptedConnection): void
}

let nextConnectionId = 1

/** Ids differ between workers. */
export function seedConnectionIds(workerIndex: number): void {
  nextConnectionId = workerIndex * 2 ** 40 + 1
}

const ACCEPTED = Symbol('accepted')
const NO_PROTOCOLS: readonly string[] = []

/** A connection from accept to close: finds its filter chain, wraps it in TLS and starts the codec, and follows changes of the config. */
export class AcceptedConnection implements ConnectionOwner, Entry, TimeoutOwner {
  readonly id = nextConnectionId++
  nextInTable: Entry | undefined
  /** Among those that the bootstrap limits. */
  readonly counted: boolean
  readonly #listener: AcceptingListener
  readonly #socket: Socket
  readonly #stats: ListenerStats
  #facts!: ChainFacts
  #chain: CompiledChain | undefined
  #manager: ConnectionManager | undefined
  #http: Http1ServerConnection | Http2ServerConnection | undefined
  #network: NetworkConnection | undefined
  #draining = false
  #drainTimeout: Timeout | undefined
  #noMatch = false
  #info: ConnectionInfo | undefined
  readonly #begun = performance.now()
  /** Where this connection is counted, whatever manager its requests have later. */
  #counts: HttpStats | undefined
  /** In its handshake. */
  #endedByPeer = false

  constructor(listener: AcceptingListener, socket: Socket, stats: ListenerStats, counted: boolean) {
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
    // Once it is closed a socket does not tell its addresses any more, and a log that wants them may come with another config.
    this.#facts = new SocketFacts(socket, '', 'raw_buffer', NO_PROTOCOLS)
    if (config.listenerFilters.length === 0) {
      this.#choose(config)
      return
    }
    peek(socket, config, this.#stats, (found) => {
      if (found === undefined) {
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

  /** `drainMs`: how long it may last once its filter chain is gone, as in Envoy. */
  reconsider(config: CompiledListener, drainMs: number): void {
    const old = this.#chain
    // Not yet that far: it will find the new config by itself.
    if (old === undefined) return
    // As in Envoy, a connection stays where it is while that chain stays, though others may be meant for such connections by now.
    const chain = config.chains.find(({ identity }) => identity === old.identity) ?? config.choose(this.#facts)
    const served = this.#http !== undefined || this.#network !== undefined
    if (chain !== undefined && this.#fits(old, chain)) {
      // Network filters stay those that it began with; requests, and who is in its handshake, get the new ones.
      if (chain.manager !== undefined || !served) {
        this.#chain = chain
        this.#manager = chain.manager
        return
      }
      if (chain.identity === old.identity) return
    }
    this.#drainTimeout ??= new Timeout(this, 0)
    // Where it is 0 the end of this turn is soon enough.
    if (!this.#drainTimeout.armed) this.#drainTimeout.arm(Math.max(1, drainMs))
    this.#manager = undefined
    // Still in its handshake: nothing was asked, and nobody is left to answer.
    if (served) this.drain()
    else this.#socket.destroy()
  }

  drain(): void {
    this.#draining = true
    this.#http?.drain()
    if (this.#chain === undefined) this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  onTimeout(): void {
    this.#socket.destroy()
  }

  gone(): void {
    this.#drainTimeout?.cancel()
    this.#stats.active.value--
    this.#stats.destroyed.value++
    const lasted = performance.now() - this.#begun
    this.#stats.length.record(lasted)
    const counts = this.#counts
    if (counts === undefined) return
    counts.activeConnections.value--
    if (this.#chain?.tls !== undefined) counts.activeSecure.value--
    counts.length.record(lasted)
    const { endedByPeer = this.#endedByPeer, incomplete = false } = this.#http ?? {}
    counts.ends.count(endedByPeer, incomplete)
  }

  /** Tells the listener's access logs of the connection as a whole; those of requests are the connection manager's. */
  log(logs: readonly AccessLogger[]): void {
    const info = new StreamInfo(this.#info ?? this.#describe(undefined))
    info.startMono = this.#begun
    info.startTime = performance.timeOrigin + this.#begun
    info.endMono = performance.now()
    if (this.#http !== undefined) info.protocol = this.#http instanceof Http2ServerConnection ? 'HTTP/2' : 'HTTP/1.1'
    info.responseFlags |= info.connection.responseFlags
    if (this.#noMatch) {
      info.responseFlags |= ResponseFlag.NoRouteFound
      info.responseCodeDetails = 'filter_chain_not_found'
    }
    for (const log of logs) log.log(info)
  }

  #fits(old: CompiledChain, next: CompiledChain): boolean {
    const sameKind = (old.manager === undefined) === (next.manager === undefined)
    return sameKind && old.tlsKey === next.tlsKey && old.networkSlots.length === next.networkSlots.length
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
    if (chain.manager !== undefined) {
      // Before its handshake, as in Envoy.
      this.#counts = chain.manager.stats
      this.#counts.connections.value++
      this.#counts.activeConnections.value++
      if (chain.tls !== undefined) {
        this.#counts.secureConnections.value++
        this.#counts.activeSecure.value++
      }
    }
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
    const secure = tls.wrap(this.#socket)
    secure.on('error', (error: Error) => {
      // As in Envoy it is none of TLS that a client goes with a reset.
      this.#endedByPeer = true
      if (isTlsError(error)) this.#stats.tls.errors.value++
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
    const given = () => {
      this.#endedByPeer = true
      secure.destroy()
    }
    secure.once('end', given)
    secure.once('secure', () => {
      clearTimeout(timer)
      secure.off('end', given)
      const result = tls.accept(secure)
      if ('refused' in result) {
        this.#stats.tls.failures[result.refused].value++
        // Whatever fails of a handshake, Envoy counts as the client's doing.
        this.#endedByPeer = true
        secure.destroy()
        return
      }
      this.#stats.tls.established(secure, result.info.peerShown)
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
