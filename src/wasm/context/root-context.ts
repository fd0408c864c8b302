import type { HeaderMap } from '../../base/header-map.ts'
import { MAP, STATUS, STREAM } from '../abi/constants.ts'
import { encodeDnsAnswer } from '../abi/dns-answer.ts'
import { httpAttribute } from '../attributes/http-attributes.ts'
import type { AttributeValue } from '../attributes/value.ts'
import type { Callout, GrpcStream, HttpCalloutResult, LoggedStream, ReadableState, ResolvedAddress } from '../host.ts'
import type { PluginSettings } from '../plugin-config.ts'
import type { Vm } from '../vm.ts'
import { Context } from './context.ts'

/** The low bits of a token say what it stands for, as in cpp-host; the rest counts from 1. */
export const TOKEN = { httpCall: 0, grpcCall: 1, grpcStream: 2, mask: 3 } as const

interface GrpcHandle {
  readonly kind: number
  readonly call: Callout | GrpcStream
  /** The plugin has half-closed; the token lives until the other side has closed. */
  localClosed: boolean
}

/** The context of a plugin itself: start, timer, queues, and all callouts, also those made by streams, which may be gone when the answer comes. */
export class RootContext extends Context {
  calloutHeaders: HeaderMap | undefined
  calloutBody: Uint8Array | undefined
  calloutTrailers: HeaderMap | undefined
  grpcInitialMetadata: HeaderMap | undefined
  grpcTrailingMetadata: HeaderMap | undefined
  grpcMessage: Uint8Array | undefined
  /** Also what `envoy_on_resolve_dns` is told: Envoy's buffer for the data of a call. */
  foreignArguments: Uint8Array | undefined
  /** What proxy_get_status tells. */
  statusCode = 0
  statusMessage = ''
  configuring = false
  /** Called when the VM has died, after what it held was let go. */
  onVmFailed: (() => void) | undefined
  readonly httpCalls = new Map<number, Callout>()
  readonly grpcCalls = new Map<number, GrpcHandle>()
  readonly #lookups = new Map<number, Callout>()
  #lookupTokens = 0
  #tokens = 0
  #tickMs = 0
  #stopTick: (() => void) | undefined
  readonly #queues = new Map<number, () => void>()
  #state: 'live' | 'finishing' | 'deleted' = 'live'
  #logged: LoggedStream | undefined

  constructor(vm: Vm, plugin: PluginSettings) {
    super(vm.nextContextId(), vm, plugin)
    vm.contexts.add(this)
  }

  override get root(): RootContext {
    return this
  }

  /** proxy_on_context_create. */
  create(): void {
    const fn = this.vm.guest.proxy_on_context_create
    if (fn !== undefined) this.vm.call2(this, 'proxy_on_context_create', fn, this.id, 0)
  }

  /** proxy_on_vm_start; false refuses. */
  vmStart(): boolean {
    const fn = this.vm.guest.proxy_on_vm_start
    if (fn === undefined) return true
    const size = this.vm.options.vmConfiguration.length
    const accepted = this.vm.call2(this, 'proxy_on_vm_start', fn, this.id, size) !== 0
    return accepted
  }

  /** proxy_on_configure; false refuses. */
  configure(): boolean {
    const fn = this.vm.guest.proxy_on_configure
    if (fn === undefined) return true
    this.configuring = true
    const accepted = this.vm.call2(this, 'proxy_on_configure', fn, this.id, this.plugin.configuration.length) !== 0
    this.configuring = false
    return accepted
  }

  /** proxy_validate_configuration, for tools; true where the module does not have it. */
  validateConfiguration(): boolean {
    const fn = this.vm.guest.proxy_validate_configuration
    if (fn === undefined) return true
    return this.vm.call2(this, 'proxy_validate_configuration', fn, this.id, this.plugin.configuration.length) !== 0
  }

  override finish(): number {
    if (this.#state !== 'finishing') return STATUS.notFound
    this.vm.defer(() => this.#delete())
    return STATUS.ok
  }

  /** The plugin goes: proxy_on_done, then proxy_on_delete now or after proxy_done. */
  shutdown(): void {
    if (this.#state !== 'live') return
    this.#state = 'finishing'
    const fn = this.vm.guest.proxy_on_done
    if (this.vm.failure !== undefined || fn === undefined) this.#delete()
    else if (this.vm.call1(this, 'proxy_on_done', fn, this.id) !== 0) this.#delete()
  }

  #delete(): void {
    if (this.#state === 'deleted') return
    this.#state = 'deleted'
    this.release()
    const fn = this.vm.guest.proxy_on_delete
    if (this.vm.failure === undefined && fn !== undefined) this.vm.call1(this, 'proxy_on_delete', fn, this.id)
    this.vm.forget(this)
  }

  get deleted(): boolean {
    return this.#state === 'deleted'
  }

  /** Lets go of timers, queues and calls. */
  release(): void {
    this.#stopTick?.()
    this.#stopTick = undefined
    for (const [queue, onReady] of this.#queues) this.vm.services.shared.unregisterQueue(queue, onReady)
    this.#queues.clear()
    for (const call of this.httpCalls.values()) call.cancel()
    this.httpCalls.clear()
    for (const { call } of this.grpcCalls.values()) call.cancel()
    this.grpcCalls.clear()
    for (const lookup of this.#lookups.values()) lookup.cancel()
    this.#lookups.clear()
  }

  setTick(ms: number): void {
    this.#stopTick?.()
    this.#stopTick = undefined
    this.#tickMs = ms === 0 ? 0 : Math.max(ms, this.vm.limits.tickMs)
    if (this.#tickMs !== 0) this.#arm()
  }

  #arm(): void {
    this.#stopTick = this.vm.services.timers.after(this.#tickMs, () => {
      this.#stopTick = undefined
      this.vm.defer(() => this.tick())
    })
  }

  /** proxy_on_tick; the next is armed when this one is over. */
  tick(): void {
    if (!this.#alive) return
    const fn = this.vm.guest.proxy_on_tick
    if (fn !== undefined) this.vm.call1(this, 'proxy_on_tick', fn, this.id)
    if (this.#alive && this.#tickMs !== 0 && this.#stopTick === undefined) this.#arm()
  }

  get #alive(): boolean {
    return this.vm.failure === undefined && this.#state !== 'deleted'
  }

  get calloutCount(): number {
    return this.httpCalls.size + this.grpcCalls.size + this.#lookups.size
  }

  nextToken(kind: number): number {
    // Wraps below 2^32 and never gives 0 or one that is still in use.
    let token: number
    do {
      this.#tokens = this.#tokens >= 0x3ffffffe ? 1 : this.#tokens + 1
      token = this.#tokens * 4 + kind
    } while (this.httpCalls.has(token) || this.grpcCalls.has(token))
    return token
  }

  onHttpCallDone(token: number, result: HttpCalloutResult): void {
    this.vm.defer(() => {
      // Cancelled meanwhile, or the plugin is gone: modules die on tokens they do not know.
      if (!this.httpCalls.delete(token) || !this.#alive) return
      const fn = this.vm.guest.proxy_on_http_call_response
      if (fn === undefined) return
      if ('failure' in result) {
        this.#status(STATUS.brokenConnection, result.failure)
        this.vm.call5(this, 'proxy_on_http_call_response', fn, this.id, token, 0, 0, 0)
      } else {
        this.#status(0, '')
        this.calloutHeaders = result.headers
        this.calloutBody = result.body
        this.calloutTrailers = result.trailers
        const trailers = result.trailers?.size ?? 0
        const { headers, body } = result
        this.vm.call5(this, 'proxy_on_http_call_response', fn, this.id, token, headers.size, body.length, trailers)
        this.calloutHeaders = undefined
        this.calloutBody = undefined
        this.calloutTrailers = undefined
      }
      this.#status(0, '')
    })
  }

  onGrpcInitialMetadata(token: number, metadata: HeaderMap): void {
    this.#grpc(token, () => {
      const fn = this.vm.guest.proxy_on_grpc_receive_initial_metadata
      if (fn === undefined) return
      this.grpcInitialMetadata = metadata
      this.vm.call3(this, 'proxy_on_grpc_receive_initial_metadata', fn, this.id, token, metadata.size)
      this.grpcInitialMetadata = undefined
    })
  }

  onGrpcMessage(token: number, message: Uint8Array): void {
    this.#grpc(token, () => {
      // A unary call is over with its answer; no close follows.
      if ((token & TOKEN.mask) === TOKEN.grpcCall) this.grpcCalls.delete(token)
      const fn = this.vm.guest.proxy_on_grpc_receive
      if (fn === undefined) return
      this.grpcMessage = message
      this.vm.call3(this, 'proxy_on_grpc_receive', fn, this.id, token, message.length)
      this.grpcMessage = undefined
    })
  }

  onGrpcTrailingMetadata(token: number, metadata: HeaderMap): void {
    this.#grpc(token, () => {
      const fn = this.vm.guest.proxy_on_grpc_receive_trailing_metadata
      if (fn === undefined) return
      this.grpcTrailingMetadata = metadata
      this.vm.call3(this, 'proxy_on_grpc_receive_trailing_metadata', fn, this.id, token, metadata.size)
      this.grpcTrailingMetadata = undefined
    })
  }

  onGrpcClose(token: number, status: number, message: string): void {
    this.#grpc(token, () => {
      this.grpcCalls.delete(token)
      const fn = this.vm.guest.proxy_on_grpc_close
      if (fn === undefined) return
      this.#status(status, message)
      this.vm.call3(this, 'proxy_on_grpc_close', fn, this.id, token, status)
      this.#status(0, '')
    })
  }

  #grpc(token: number, deliver: () => void): void {
    this.vm.defer(() => {
      if (this.grpcCalls.has(token) && this.#alive) deliver()
    })
  }

  #status(code: number, message: string): void {
    this.statusCode = code
    this.statusMessage = message
  }

  /** Starts a look-up; the token. As for callouts the answer comes when the module has returned, in Envoy sometimes before that. */
  resolveDns(name: string): number {
    this.#lookupTokens = (this.#lookupTokens + 1) >>> 0 || 1
    const token = this.#lookupTokens
    const lookup = this.vm.services.resolveDns?.(name, (found) => this.vm.defer(() => this.#onResolved(token, found)))
    if (lookup !== undefined) this.#lookups.set(token, lookup)
    return token
  }

  #onResolved(token: number, found: readonly ResolvedAddress[] | undefined): void {
    if (!this.#lookups.delete(token) || !this.#alive) return
    const fn = this.vm.guest.envoy_on_resolve_dns
    if (fn === undefined) return
    const answer = encodeDnsAnswer(found)
    this.foreignArguments = answer
    this.vm.call3(this, 'envoy_on_resolve_dns', fn, this.id, token, answer.length)
    this.foreignArguments = undefined
  }

  registerQueue(name: string): number {
    let id = -1
    const onReady = () => this.vm.defer(() => this.queueReady(id))
    id = this.vm.services.shared.registerQueue(this.plugin.vmId, name, onReady)
    if (id > 0) this.#queues.set(id, onReady)
    return id
  }

  queueReady(queue: number): void {
    const fn = this.vm.guest.proxy_on_queue_ready
    if (fn !== undefined && this.#alive) this.vm.call2(this, 'proxy_on_queue_ready', fn, this.id, queue)
  }

  /** proxy_on_foreign_function, for embedders that call into a plugin. */
  foreignFunction(id: number, args: Uint8Array): void {
    const fn = this.vm.guest.proxy_on_foreign_function
    if (fn === undefined || !this.#alive) return
    this.foreignArguments = args
    this.vm.call3(this, 'proxy_on_foreign_function', fn, this.id, id, args.length)
    this.foreignArguments = undefined
  }

  /**
   * proxy_on_log of an access logger. As in Envoy it runs on the root context, which has the maps and attributes of the finished
   * stream for as long as it runs; nothing of them can be changed.
   */
  log(stream: LoggedStream): void {
    const fn = this.vm.guest.proxy_on_log
    if (fn === undefined || !this.#alive) return
    this.#logged = stream
    this.vm.call1(this, 'proxy_on_log', fn, this.id)
    this.#logged = undefined
  }

  override get mapAbsent(): number {
    return this.#logged === undefined ? STATUS.badArgument : STATUS.notFound
  }

  override map(type: number): HeaderMap | undefined {
    if (this.#logged !== undefined) {
      if (type === MAP.requestHeaders) return this.#logged.requestHeaders
      if (type === MAP.responseHeaders) return this.#logged.responseHeaders
      if (type === MAP.responseTrailers) return this.#logged.responseTrailers
    }
    return super.map(type)
  }

  override writableMap(type: number): HeaderMap | undefined {
    return this.#logged === undefined ? super.writableMap(type) : undefined
  }

  override attribute(group: string, name: string): AttributeValue | undefined {
    const own = this.#logged === undefined ? undefined : httpAttribute(this.#logged, group, name)
    return own ?? super.attribute(group, name)
  }

  override get readableState(): ReadableState | undefined {
    return this.#logged?.filterState
  }

  /** Envoy says OK and does nothing where there is no stream, here and below; SDKs panic on anything else. */
  override continueStream(stream: number): number {
    return stream === STREAM.upstream ? STATUS.unimplemented : STATUS.ok
  }

  override closeStream(): number {
    return STATUS.ok
  }

  override sendLocalReply(): number {
    return STATUS.ok
  }

  override vmFailed(): void {
    this.release()
    this.onVmFailed?.()
  }
}
