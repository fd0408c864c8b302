import type { BodyBuffer } from '../../base/body-buffer.ts'
import { BUFFER, PEER, STATUS, STREAM, TRAILERS_STATUS } from '../abi/constants.ts'
import type { AttributeValue } from '../attributes/value.ts'
import type { ConnectionHost, FilterState } from '../host.ts'
import { Context } from './context.ts'
import type { RootContext } from './root-context.ts'

const DOWNSTREAM = 1
const UPSTREAM = 2

/** One connection of a network plugin. `end` delivers done, log, delete: the order that Envoy has for TCP. */
export class NetworkContext extends Context {
  readonly connection: ConnectionHost
  readonly #root: RootContext
  #created = false
  #deleted = false
  #stopped = 0
  #closed = 0
  #told = false

  constructor(root: RootContext, connection: ConnectionHost) {
    super(root.vm.nextContextId(), root.vm, root.plugin)
    this.#root = root
    this.connection = connection
  }

  override get root(): RootContext {
    return this.#root
  }

  /** 0 continue, 1 stop. */
  onNewConnection(): number {
    if (!this.#ready()) return this.#afterFailure()
    const fn = this.vm.guest.proxy_on_new_connection
    if (fn === undefined) return TRAILERS_STATUS.continue
    return this.#after(DOWNSTREAM, this.vm.call1(this, 'proxy_on_new_connection', fn, this.id))
  }

  onDownstreamData(size: number, endOfStream: boolean): number {
    if (!this.#ready()) return this.#afterFailure()
    const fn = this.vm.guest.proxy_on_downstream_data
    if (fn === undefined) return TRAILERS_STATUS.continue
    const action = this.vm.call3(this, 'proxy_on_downstream_data', fn, this.id, size, endOfStream ? 1 : 0)
    return this.#after(DOWNSTREAM, action)
  }

  onUpstreamData(size: number, endOfStream: boolean): number {
    if (!this.#ready()) return this.#afterFailure()
    const fn = this.vm.guest.proxy_on_upstream_data
    if (fn === undefined) return TRAILERS_STATUS.continue
    const action = this.vm.call3(this, 'proxy_on_upstream_data', fn, this.id, size, endOfStream ? 1 : 0)
    return this.#after(UPSTREAM, action)
  }

  onDownstreamClose(peer: number = PEER.remote): void {
    if ((this.#closed & DOWNSTREAM) !== 0 || !this.#ready()) return
    this.#closed |= DOWNSTREAM
    const fn = this.vm.guest.proxy_on_downstream_connection_close
    if (fn !== undefined) this.vm.call2(this, 'proxy_on_downstream_connection_close', fn, this.id, peer)
  }

  onUpstreamClose(peer: number = PEER.remote): void {
    if ((this.#closed & UPSTREAM) !== 0 || !this.#ready()) return
    this.#closed |= UPSTREAM
    const fn = this.vm.guest.proxy_on_upstream_connection_close
    if (fn !== undefined) this.vm.call2(this, 'proxy_on_upstream_connection_close', fn, this.id, peer)
  }

  end(): void {
    if (this.#deleted) return
    if (this.#created) {
      this.#finishing('proxy_on_done')
      this.#finishing('proxy_on_log')
      this.#finishing('proxy_on_delete')
      this.vm.forget(this)
    }
    this.#deleted = true
  }

  #finishing(name: 'proxy_on_done' | 'proxy_on_log' | 'proxy_on_delete'): void {
    const fn = this.vm.guest[name]
    if (fn !== undefined && this.vm.failure === undefined) this.vm.call1(this, name, fn, this.id)
  }

  override buffer(type: number): BodyBuffer | Uint8Array | undefined {
    if (type === BUFFER.downstreamData) return this.connection.downstreamData
    if (type === BUFFER.upstreamData) return this.connection.upstreamData
    return super.buffer(type)
  }

  override attribute(group: string, name: string): AttributeValue | undefined {
    return this.connection.attribute(group, name) ?? super.attribute(group, name)
  }

  override get filterState(): FilterState {
    return this.connection.filterState
  }

  override continueStream(type: number): number {
    if (type === STREAM.upstream) return STATUS.unimplemented
    if (type !== STREAM.downstream) return STATUS.badArgument
    this.vm.defer(() => {
      if (this.#deleted || (this.#stopped & DOWNSTREAM) === 0) return
      this.#stopped &= ~DOWNSTREAM
      this.connection.continueDownstream()
    })
    return STATUS.ok
  }

  override closeStream(type: number): number {
    if (type !== STREAM.downstream && type !== STREAM.upstream) return STATUS.badArgument
    this.vm.defer(() => {
      if (this.#deleted) return
      if (type === STREAM.downstream) this.connection.closeDownstream()
      else this.connection.closeUpstream()
    })
    return STATUS.ok
  }

  /** There is no HTTP to answer with; Envoy says OK and does nothing. */
  override sendLocalReply(): number {
    return STATUS.ok
  }

  override finish(): number {
    return STATUS.notFound
  }

  override vmFailed(): void {
    if (this.#deleted || this.vm.failure === undefined) return
    this.#tell()
    const stopped = this.#stopped
    this.#stopped = 0
    if (this.plugin.failurePolicy !== 'FAIL_OPEN') {
      this.connection.closeDownstream()
      return
    }
    if ((stopped & DOWNSTREAM) !== 0) this.connection.continueDownstream()
    if ((stopped & UPSTREAM) !== 0 && !this.#deleted) this.connection.continueUpstream()
  }

  #ready(): boolean {
    if (this.#deleted || this.vm.failure !== undefined) return false
    if (this.#created) return true
    this.#created = true
    this.vm.contexts.add(this)
    const fn = this.vm.guest.proxy_on_context_create
    if (fn !== undefined) this.vm.call2(this, 'proxy_on_context_create', fn, this.id, this.#root.id)
    return this.vm.failure === undefined
  }

  #after(direction: number, action: number): number {
    if (this.vm.failure !== undefined) return this.#afterFailure()
    if (action === 0) {
      this.#stopped &= ~direction
      return TRAILERS_STATUS.continue
    }
    this.#stopped |= direction
    return TRAILERS_STATUS.stopIteration
  }

  /** Once for each connection, also for those that come to a VM which is dead already. */
  #tell(): void {
    if (this.#told || this.vm.failure === undefined) return
    this.#told = true
    this.connection.onPluginFailed(this.vm.failure)
  }

  #afterFailure(): number {
    if (this.#deleted || this.plugin.failurePolicy === 'FAIL_OPEN') return TRAILERS_STATUS.continue
    this.#tell()
    this.connection.closeDownstream()
    return TRAILERS_STATUS.stopIteration
  }
}
