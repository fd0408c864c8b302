import type { Socket } from 'node:net'
import { IdTable } from '../../base/id-table.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import { HostPool } from '../cluster/connection-pool.ts'
import type { PendingStream, UpstreamCallbacks } from '../cluster/upstream.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import { IdleTimer } from '../idle-timer.ts'
import { readInto } from '../network/direct-socket.ts'
import { type ClientConnectionOwner, Http1ClientConnection } from './client-connection.ts'

/** The HTTP/1.1 connections to one host: idle ones are used last in, first out; requests wait in line where there is none. */
export class Http1Pool extends HostPool implements ClientConnectionOwner {
  readonly #idle: Http1ClientConnection[] = []
  /** Busy and idle ones. */
  readonly #open = new IdTable<Http1ClientConnection>()

  protected readonly capacity = 1

  protected get ofProtocol(): Cell {
    return this.settings.stats.http1Connections
  }

  get connections(): number {
    return this.#open.size + this.connecting
  }

  newStream(callbacks: UpstreamCallbacks): PendingStream | undefined {
    if (this.#idle.length > 0) {
      if (this.admits(callbacks)) this.#use(this.#idle.pop() as Http1ClientConnection, callbacks)
      return undefined
    }
    const pending = this.enqueue(callbacks)
    if (pending !== undefined) this.connectMore()
    return pending
  }

  override drain(): void {
    super.drain()
    for (const connection of this.#open.all()) connection.retired = true
    for (const connection of this.#idle.splice(0)) connection.socket.destroy()
  }

  closeIdle(): boolean {
    const oldest = this.#idle.shift()
    oldest?.socket.destroy()
    return oldest !== undefined
  }

  #use(connection: Http1ClientConnection, callbacks: UpstreamCallbacks): void {
    connection.attach(callbacks)
    if (connection.spent) this.settings.stats.maxRequestsReached.value++
    callbacks.onPoolReady(connection, this.host)
  }

  connectionIdle(connection: Http1ClientConnection): void {
    connection.retired = this.drained
    for (let next = this.dequeue(); next !== undefined; next = this.dequeue()) {
      if (!this.admits(next)) continue
      this.#use(connection, next)
      this.connectMore()
      return
    }
    if (this.drained) {
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
    this.countEnd(connection.endedByPeer, connection.incomplete)
    // Requests may be waiting because of the limit that this connection counted towards.
    this.connectMore()
  }

  connectionExpired(): void {
    this.settings.stats.idleTimeouts.value++
  }

  closeAnnounced(): void {
    this.settings.stats.closeAnnounced.value++
  }

  protocolBroken(): void {
    this.settings.stats.protocolErrors.value++
  }

  connected(socket: Socket, about: UpstreamConnection): void {
    this.established(about)
    const connection = new Http1ClientConnection(socket, about, this.settings, this)
    readInto(socket, connection)
    socket.on('end', () => connection.onEnd())
    socket.on('drain', () => connection.onDrain())
    socket.on('error', (error) => connection.onSocketError(error))
    socket.on('close', () => connection.onClose('connection closed'))
    this.#open.add(connection)
    connection.life = this.longestLife(connection)
    this.connectionIdle(connection)
  }
}
