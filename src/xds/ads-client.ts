import type { Node } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { Backoff } from '../base/backoff.ts'
import { messageOf } from '../errors.ts'
import { logger } from '../telemetry/log.ts'
import type { Delivery, RejectedResource, ResourceHandler } from './delivery.ts'
import { DeltaClientStream } from './delta-client-stream.ts'
import { WILDCARD } from './resource-name.ts'
import { SotwClientStream } from './sotw-client-stream.ts'
import type { AdsTransport } from './transport.ts'
import { shortType } from './type-urls.ts'
import { Watch } from './watch.ts'

const log = logger('ads')

/** How a client connects, and as whom. */
export interface AdsClientOptions {
  readonly transport: AdsTransport
  readonly node: Node
  /** Asks by the delta protocol, which tells only what changes. */
  readonly delta?: boolean
  /** The first pause before connecting again; 500 ms unless told, growing to `maxBackoffMs` (30 s), as Envoy's. */
  readonly initialBackoffMs?: number
  readonly maxBackoffMs?: number
  /** The stream opened (its first response came), or closed with an error. */
  readonly onState?: (state: 'connected' | 'disconnected', error?: Error) => void
}

type ClientStream = SotwClientStream | DeltaClientStream

/**
 * The client's half of ADS, state of the world or delta: keeps one stream open, says again after each reconnect what it wants and
 * what it has, hands resources over and answers with ACK, or with one NACK that names every refused resource.
 */
export class AdsClient {
  readonly #options: AdsClientOptions
  readonly #backoff: Backoff
  readonly #watches = new Map<string, Watch>()
  #stream: ClientStream | undefined
  #timer: NodeJS.Timeout | undefined
  #flushing = false
  #up = false
  #closed = false

  constructor(options: AdsClientOptions) {
    this.#options = options
    const { initialBackoffMs = 500, maxBackoffMs = 30_000 } = options
    this.#backoff = new Backoff({ initialMs: initialBackoffMs, maxMs: maxBackoffMs })
  }

  /** Sets who takes the resources of a type. Once per type, before anything of it is subscribed. */
  handle(typeUrl: string, handler: ResourceHandler): this {
    if (this.#watches.has(typeUrl)) throw new Error(`${typeUrl} has a handler already`)
    this.#watches.set(typeUrl, new Watch(typeUrl, handler))
    return this
  }

  start(): void {
    if (this.#stream === undefined && !this.#closed) this.#connect()
  }

  /** Asks for names of a type; with none, for everything (listeners and clusters). Changes of one turn make one request. */
  subscribe(typeUrl: string, names?: Iterable<string>): void {
    const watch = this.#watch(typeUrl)
    if (names === undefined) watch.addAll()
    for (const name of names ?? []) {
      if (watch.left.has(name) && this.#stream?.asked(watch) === true) this.#stream.regain(watch)
      watch.add(name)
    }
    // Asking again for the same would make the server send it again.
    if (watch.dirty) this.#flushSoon()
  }

  unsubscribe(typeUrl: string, names: Iterable<string>): void {
    const watch = this.#watch(typeUrl)
    for (const name of names) watch.delete(name)
    if (watch.dirty) this.#flushSoon()
  }

  /** The names now subscribed. */
  subscribed(typeUrl: string): ReadonlySet<string> {
    return this.#watch(typeUrl).names
  }

  /** The version last accepted; '' before that. */
  version(typeUrl: string): string {
    return this.#watch(typeUrl).version
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#stream?.close()
    this.#stream = undefined
  }

  #watch(typeUrl: string): Watch {
    const watch = this.#watches.get(typeUrl)
    if (watch === undefined) throw new Error(`${typeUrl} has no handler`)
    return watch
  }

  #connect(): void {
    this.#up = false
    const { transport, node, delta } = this.#options
    const stream: ClientStream =
      delta === true
        ? new DeltaClientStream(transport.connectDelta(), node)
        : new SotwClientStream(transport.connect(), node)
    this.#stream = stream
    stream.listen(
      (delivery) => this.#onDelivery(stream, delivery),
      (error) => {
        if (this.#stream === stream) this.#lost(error)
      },
    )
    if (this.#stream === stream) this.#flush()
  }

  #lost(error: Error | undefined): void {
    this.#stream = undefined
    if (this.#closed) return
    const pauseMs = this.#backoff.next()
    const reason = error === undefined ? 'the server ended it' : messageOf(error)
    log.warn({ pauseMs: Math.round(pauseMs), reason }, 'the ADS stream is gone; connecting again')
    this.#options.onState?.('disconnected', error)
    this.#timer = setTimeout(() => this.#connect(), pauseMs)
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#stream === undefined) return
    for (const watch of this.#watches.values())
      if (this.#stream.asked(watch) ? watch.dirty : watch.wanted) this.#stream.request(watch)
  }

  #onDelivery(stream: ClientStream, delivery: Delivery): void {
    if (!this.#up) {
      this.#up = true
      this.#backoff.reset()
      this.#options.onState?.('connected')
    }
    const watch = this.#watches.get(delivery.typeUrl)
    if (watch === undefined) {
      log.warn({ typeUrl: delivery.typeUrl }, 'a response of a type that was not asked for')
      return
    }
    const take = () => this.#take(stream, watch, delivery)
    if (watch.busy === undefined) {
      const done = take()
      if (done !== undefined) this.#occupy(watch, done)
    } else {
      this.#occupy(watch, watch.busy.then(take))
    }
  }

  #occupy(watch: Watch, work: Promise<void>): void {
    const busy: Promise<void> = work.finally(() => {
      if (watch.busy === busy) watch.busy = undefined
    })
    watch.busy = busy
  }

  /** Handles one response and answers it; returns a promise only when the handler takes its time. */
  #take(stream: ClientStream, watch: Watch, delivery: Delivery): Promise<void> | undefined {
    const { resources, version, removed, malformed } = delivery
    const answer = (rejected: readonly RejectedResource[]) => {
      stream.took(watch, delivery, rejected)
      if (rejected.length > 0) log.warn({ type: shortType(watch.typeUrl), version, rejected }, 'rejected')
      // The stream that asked may be gone by now; the next one begins anew.
      if (this.#stream !== stream) return
      stream.request(watch, delivery.nonce, rejected.length === 0 ? undefined : nackText(rejected))
    }
    const failed = (error: unknown) => answer([{ name: WILDCARD, reason: messageOf(error) }])
    try {
      if (malformed !== undefined) throw new Error(malformed)
      const result = watch.handler(resources, version, removed)
      if (!(result instanceof Promise)) {
        answer(result)
        return undefined
      }
      return result.then(answer, failed)
    } catch (error) {
      failed(error)
      return undefined
    }
  }
}

/** Like Envoy's message for several bad listeners: one line for each. The control plane finds the names in it. */
function nackText(rejected: readonly RejectedResource[]): string {
  return rejected.map(({ name, reason }) => `Error adding/updating resource(s) ${name || '*'}: ${reason}`).join('\n')
}
