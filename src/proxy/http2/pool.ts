/** The HTTP/2 connections to one host: many requests on one connection, more connections where its limit is reached. */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2ProtocolOptions } from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import { Connecting, type ConnectOwner } from '../cluster/connecting.ts'
import type { ConnectionPool, PoolSettings } from '../cluster/connection-pool.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'
import { type PendingStream, type UpstreamCallbacks, UpstreamFailure } from '../cluster/upstream.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { Http2ClientStream } from './client-stream.ts'

const STREAM_WINDOW = 1 << 20
const CONNECTION_WINDOW = 16 << 20

export class Http2Pool implements ConnectionPool, ConnectOwner {
  readonly host: EndpointHost
  readonly settings: PoolSettings
  readonly #options: Http2ProtocolOptions
  readonly #sessions: Session[] = []
  readonly #connecting = new Set<Connecting>()
  readonly #pending: Pending[] = []
  #drained = false

  constructor(host: EndpointHost, settings: PoolSettings, options: Http2ProtocolOptions) {
    this.host = host
    this.settings = settings
    this.#options = options
  }

  get connections(): number {
    return this.#sessions.length + this.#connecting.size
  }

  newStream(callbacks: UpstreamCallbacks, highPriority: boolean): PendingStream | undefined {
    const session = this.#sessions.find((one) => one.free)
    if (session !== undefined) {
      session.use(callbacks)
      return undefined
    }
    const { breaker, stats } = this.settings
    const limits = breaker.limits(highPriority)
    if (breaker.pending >= limits.maxPending) {
      stats.pendingOverflow.value++
      callbacks.onPoolFailure(UpstreamFailure.Overflow, 'overflow', this.host)
      return undefined
    }
    const pending = new Pending(this, callbacks)
    this.#pending.push(pending)
    breaker.pending++
    stats.pendingTotal.value++
    stats.pendingActive.value++
    // One connection serves all who wait, so there is no need for one each.
    if (this.#connecting.size === 0) {
      if (breaker.connections < limits.maxConnections || this.connections === 0) this.#connect()
      else stats.connectionOverflow.value++
    }
    return pending
  }

  drain(): void {
    this.#drained = true
    for (const session of this.#sessions) session.drain()
  }

  cancel(pending: Pending): void {
    const at = this.#pending.indexOf(pending)
    if (at === -1) return
    this.#pending.splice(at, 1)
    this.#leftQueue()
  }

  connected(attempt: Connecting, socket: Socket): void {
    this.#connecting.delete(attempt)
    const session = new Session(this, socket, this.#options)
    this.#sessions.push(session)
    if (this.#drained) session.drain()
    this.serveWaiting()
  }

  connectFailed(attempt: Connecting, failure: UpstreamFailure, reason: string): void {
    this.#connecting.delete(attempt)
    this.#closed()
    const { stats } = this.settings
    stats.connectFail.value++
    if (failure === UpstreamFailure.ConnectTimeout) stats.connectTimeout.value++
    this.host.connectFailures++
    for (const pending of this.#pending.splice(0)) {
      this.#leftQueue()
      pending.callbacks.onPoolFailure(failure, reason, this.host)
    }
  }

  sessionClosed(session: Session): void {
    const at = this.#sessions.indexOf(session)
    if (at === -1) return
    this.#sessions.splice(at, 1)
    this.#closed()
    if (this.#pending.length > 0 && this.#connecting.size === 0 && !this.#drained) this.#connect()
  }

  /** A connection is new, or has room again. */
  serveWaiting(): void {
    while (this.#pending.length > 0) {
      const session = this.#sessions.find((one) => one.free)
      if (session === undefined) {
        if (this.#connecting.size === 0) this.#connect()
        return
      }
      const next = this.#pending.shift() as Pending
      this.#leftQueue()
      session.use(next.callbacks)
    }
  }

  #leftQueue(): void {
    this.settings.breaker.pending--
    this.settings.stats.pendingActive.value--
  }

  #closed(): void {
    this.settings.breaker.connections--
    this.settings.stats.activeConnections.value--
  }

  #connect(): void {
    const { breaker, stats, connectTimeoutMs, tls } = this.settings
    breaker.connections++
    stats.connections.value++
    stats.activeConnections.value++
    const attempt = new Connecting(this, this.host, tls, connectTimeoutMs)
    this.#connecting.add(attempt)
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

/** One connection. */
export class Session implements TimeoutOwner {
  readonly #pool: Http2Pool
  readonly #session: ClientHttp2Session
  readonly #idle = new Timeout(this, 0)
  readonly localAddress: string
  readonly #maxStreams: number
  #active = 0
  #used = 0
  #leaving = false

  constructor(pool: Http2Pool, socket: Socket, options: Http2ProtocolOptions) {
    this.#pool = pool
    this.#maxStreams = options.maxConcurrentStreams ?? 1024
    this.localAddress = `${socket.localAddress}:${socket.localPort}`
    const session = connect('http://upstream', {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: options.initialStreamWindowSize ?? STREAM_WINDOW },
    })
    this.#session = session
    session.on('connect', () => session.setLocalWindowSize(options.initialConnectionWindowSize ?? CONNECTION_WINDOW))
    session.on('error', () => socket.destroy())
    session.on('goaway', () => {
      this.#leaving = true
    })
    session.on('remoteSettings', () => pool.serveWaiting())
    session.on('close', () => {
      this.#leaving = true
      this.#idle.cancel()
      pool.sessionClosed(this)
    })
    this.#idle.arm(pool.settings.idleTimeoutMs)
  }

  get free(): boolean {
    const session = this.#session
    if (this.#leaving || session.closed || session.destroyed) return false
    const max = this.#pool.settings.maxRequestsPerConnection
    if (max > 0 && this.#used >= max) return false
    return this.#active < Math.min(this.#maxStreams, session.remoteSettings?.maxConcurrentStreams ?? this.#maxStreams)
  }

  use(callbacks: UpstreamCallbacks): void {
    this.#active++
    this.#used++
    this.#idle.cancel()
    callbacks.onPoolReady(new Http2ClientStream(this, this.#session, callbacks), this.#pool.host)
  }

  released(): void {
    this.#active--
    if (this.#active === 0) {
      if (this.#leaving) this.#session.close()
      else this.#idle.arm(this.#pool.settings.idleTimeoutMs)
    }
    this.#pool.serveWaiting()
  }

  drain(): void {
    this.#leaving = true
    this.#session.close()
  }

  onTimeout(): void {
    if (this.#active === 0) this.#session.close()
  }
}
