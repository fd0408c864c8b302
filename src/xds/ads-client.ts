import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import type { Node } from '../../gen/envoy/config/core/v3/base_pb.ts'
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  ResourceSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts'
import { Backoff } from '../base/backoff.ts'
import { messageOf } from '../errors.ts'
import { logger } from '../telemetry/log.ts'
import { resourceName } from './resource-name.ts'
import type { AdsStream, AdsTransport } from './transport.ts'
import { shortType } from './type-urls.ts'

const log = logger('ads')

/** gRPC's INVALID_ARGUMENT, which Envoy's own NACKs carry too. */
const INVALID_ARGUMENT = 3

/** A resource of a response, with its name. */
export interface NamedResource {
  /** '' where it cannot be read. */
  readonly name: string
  readonly resource: Any
}

/** Why one resource of a response cannot be used. */
export interface RejectedResource {
  readonly name: string
  readonly reason: string
}

/**
 * Takes the resources of one response and returns what it refuses; nothing refused is an ACK. What it does not refuse must be in
 * force when it returns (or its promise resolves), refused resources keep their former state. Responses of one type never overlap.
 */
export type ResourceHandler = (
  resources: readonly NamedResource[],
  version: string,
) => readonly RejectedResource[] | Promise<readonly RejectedResource[]>

/** How a client connects, and as whom. */
export interface AdsClientOptions {
  readonly transport: AdsTransport
  readonly node: Node
  /** The first pause before connecting again; 500 ms unless told, growing to `maxBackoffMs` (30 s), as Envoy's. */
  readonly initialBackoffMs?: number
  readonly maxBackoffMs?: number
  /** The stream opened (its first response came), or closed with an error. */
  readonly onState?: (state: 'connected' | 'disconnected', error?: Error) => void
}

/** What a client wants of one type. */
class Watch {
  readonly typeUrl: string
  readonly handler: ResourceHandler
  readonly names = new Set<string>()
  /** Listeners and clusters: everything, asked for by giving no names. */
  wildcard = false
  /** Of the last response that was accepted; kept over reconnects. */
  version = ''
  nonce = ''
  /** Whether it has been asked for on the present stream. */
  sent = false
  dirty = false
  /** Names given up that no request has said yet. */
  readonly left = new Set<string>()
  /** Responses are handled one after the other. */
  busy: Promise<void> | undefined

  constructor(typeUrl: string, handler: ResourceHandler) {
    this.typeUrl = typeUrl
    this.handler = handler
  }
}

/**
 * The client's half of ADS, state of the world: keeps one stream open, says again after each reconnect what it wants and what it
 * has, hands resources over and answers with ACK, or with one NACK that names every refused resource.
 */
export class AdsClient {
  readonly #options: AdsClientOptions
  readonly #backoff: Backoff
  readonly #watches = new Map<string, Watch>()
  #stream: AdsStream | undefined
  #timer: NodeJS.Timeout | undefined
  #flushing = false
  #nodeSent = false
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
    const before = watch.names.size
    const hadAll = watch.wildcard
    if (names === undefined) watch.wildcard = true
    else {
      for (const name of names) {
        // Given up and wanted again within one turn: the server, which sends only what is new, has to be told of both.
        if (watch.sent && watch.left.has(name) && this.#stream !== undefined) this.#request(this.#stream, watch)
        watch.names.add(name)
      }
    }
    // Asking again for the same would make the server send it again.
    if (watch.names.size > before || watch.wildcard !== hadAll) this.#flushSoon(watch)
  }

  unsubscribe(typeUrl: string, names: Iterable<string>): void {
    const watch = this.#watch(typeUrl)
    for (const name of names) if (watch.names.delete(name)) watch.left.add(name)
    if (watch.left.size > 0) this.#flushSoon(watch)
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
    this.#nodeSent = false
    this.#up = false
    for (const watch of this.#watches.values()) {
      watch.sent = false
      watch.left.clear()
      // A nonce means nothing on another stream.
      watch.nonce = ''
    }
    const stream = this.#options.transport.connect()
    this.#stream = stream
    stream.onMessage((response) => this.#onResponse(stream, response))
    stream.onClose((error) => {
      if (this.#stream === stream) this.#lost(error)
    })
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

  #flushSoon(watch: Watch): void {
    watch.dirty = true
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#stream === undefined) return
    for (const watch of this.#watches.values()) {
      const wanted = watch.wildcard || watch.names.size > 0
      if (watch.sent ? watch.dirty : wanted) this.#request(this.#stream, watch)
    }
  }

  #request(stream: AdsStream, watch: Watch, error?: string): void {
    const node = this.#nodeSent ? undefined : this.#options.node
    this.#nodeSent = true
    watch.sent = true
    watch.dirty = false
    watch.left.clear()
    stream.send(
      create(DiscoveryRequestSchema, {
        typeUrl: watch.typeUrl,
        versionInfo: watch.version,
        responseNonce: watch.nonce,
        resourceNames: watch.wildcard ? [] : [...watch.names],
        node,
        errorDetail: error === undefined ? undefined : create(StatusSchema, { code: INVALID_ARGUMENT, message: error }),
      }),
    )
  }

  #onResponse(stream: AdsStream, response: DiscoveryResponse): void {
    if (!this.#up) {
      this.#up = true
      this.#backoff.reset()
      this.#options.onState?.('connected')
    }
    const watch = this.#watches.get(response.typeUrl)
    if (watch === undefined) {
      log.warn({ typeUrl: response.typeUrl }, 'a response of a type that was not asked for')
      return
    }
    const take = () => this.#take(stream, watch, response)
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
  #take(stream: AdsStream, watch: Watch, response: DiscoveryResponse): Promise<void> | undefined {
    const answer = (rejected: readonly RejectedResource[]) => {
      if (rejected.length === 0) watch.version = response.versionInfo
      else log.warn({ type: shortType(watch.typeUrl), version: response.versionInfo, rejected }, 'rejected')
      // The stream that asked may be gone by now; the next one begins anew.
      if (this.#stream !== stream) return
      watch.nonce = response.nonce
      this.#request(stream, watch, rejected.length === 0 ? undefined : nackText(rejected))
    }
    const failed = (error: unknown) => answer([{ name: '*', reason: messageOf(error) }])
    try {
      const result = watch.handler(response.resources.map(named), response.versionInfo)
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

/** Resources may come wrapped in `envoy.service.discovery.v3.Resource`, which carries their name (and a TTL). */
function named(any: Any): NamedResource {
  try {
    if (!any.typeUrl.endsWith('/envoy.service.discovery.v3.Resource')) return { name: resourceName(any), resource: any }
    const wrapper = anyUnpack(any, ResourceSchema)
    const resource = wrapper?.resource
    if (wrapper === undefined || resource === undefined) return { name: wrapper?.name ?? '', resource: any }
    return { name: wrapper.name === '' ? resourceName(resource) : wrapper.name, resource }
  } catch {
    return { name: '', resource: any }
  }
}

/** Like Envoy's message for several bad listeners: one line for each. The control plane finds the names in it. */
function nackText(rejected: readonly RejectedResource[]): string {
  return rejected.map(({ name, reason }) => `Error adding/updating resource(s) ${name || '*'}: ${reason}`).join('\n')
}
