import type { Socket } from 'node:net'
import { IdTable } from '../../base/id-table.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import type { HealthState } from '../context.ts'
import type { ConnectionCount } from '../overload/connection-count.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import type { OwnedStats } from '../stats/scope.ts'
import { AcceptedConnection, type AcceptingListener } from './accepted-connection.ts'
import type { CompiledListener } from './compile-listener.ts'
import { type ListenerStats, listenerStats, scopeOf } from './listener-stats.ts'
import { type BindOptions, ListeningSockets } from './listening-sockets.ts'
import { applySocketOptions } from './socket-options.ts'

/** What a listener finds in its worker. */
export interface ListenerSurroundings {
  ownStats(): OwnedStats
  readonly overload: OverloadState | undefined
  readonly health: HealthState
}

/** One listener in one worker: accepts connections, and swaps its config while it serves. */
export class ListenerServer implements AcceptingListener {
  readonly name: string
  #config: CompiledListener
  readonly #ownStats: OwnedStats
  /** Connections count where they began. */
  #stats: ListenerStats
  readonly #sockets: ListeningSockets[] = []
  readonly #health: HealthState
  readonly #overload: OverloadState | undefined
  /** Those of this listener, where it has a limit of its own. */
  readonly #limit: ConnectionCount | undefined
  readonly #connections = new IdTable<AcceptedConnection>()
  #draining = false
  #onEmpty: (() => void) | undefined
  #deadline: NodeJS.Timeout | undefined
  /** When it is over, by `performance.now()`. */
  #due = Number.POSITIVE_INFINITY

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
  async listen(options: BindOptions): Promise<number> {
    const sockets = new ListeningSockets(
      options,
      () => this.#config.plainHttp,
      (socket) => this.#accept(socket),
    )
    this.#sockets.push(sockets)
    try {
      return await sockets.open()
    } catch (error) {
      const { ip, port } = options
      throw new SluiceError('SL5003', `${ip}:${port}: ${messageOf(error)}`, { where: `listener "${this.name}"` })
    }
  }

  /** Takes a connection from a cluster of this proxy. */
  readonly acceptInternal = (socket: Socket): void => this.#accept(socket)

  get config(): CompiledListener {
    return this.#config
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Puts a new config into force: for connections that it still fits from their next request on, the others drain, for so long at most. */
  swap(config: CompiledListener, drainMs: number): void {
    const old = this.#config
    this.#config = config
    if (scopeOf(old) !== scopeOf(config)) this.#stats = listenerStats(this.#ownStats, config)
    for (const connection of this.#connections.all()) connection.reconsider(config, drainMs)
    old.close()
  }

  /** Stops accepting, says so to clients, and resolves when the last connection is gone or the time is over. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    for (const sockets of this.#sockets) sockets.close()
    for (const connection of this.#connections.all()) connection.drain()
    if (this.#connections.size > 0) {
      const over = Promise.withResolvers<void>()
      this.#onEmpty = over.resolve
      this.hurry(deadlineMs)
      await over.promise
      clearTimeout(this.#deadline)
    }
    for (const connection of this.#connections.all()) {
      connection.destroy()
      this.removed(connection)
    }
    this.#config.close()
    this.#ownStats.close()
  }

  /** What still drains has so long at most from now on. */
  hurry(deadlineMs: number): void {
    const due = performance.now() + deadlineMs
    if (this.#onEmpty === undefined || due >= this.#due) return
    this.#due = due
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(this.#onEmpty, deadlineMs)
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
