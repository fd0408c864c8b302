/**
 * What an embedder gives to the Wasm host. The proxy implements these over its own streams; the test kit implements them over
 * plain objects. Strings that are headers, keys or names hold bytes (latin1), one character per byte, as in HeaderMap.
 */
import type { BodyBuffer } from '../base/body-buffer.ts'
import type { HeaderMap } from '../base/header-map.ts'
import type { LogLevel } from './abi/constants.ts'
import type { AttributeValue } from './attributes/value.ts'
import type { PluginFailure } from './failure.ts'

/** An answer of the plugin in place of the upstream's (`proxy_send_local_response`). */
export interface LocalReply {
  readonly status: number
  /** For the access log's response code details; no white space. */
  readonly details: string
  readonly body: Uint8Array
  /** Flat, added after the proxy's own. */
  readonly headers: readonly string[]
  /** 0 to 16, or undefined where the plugin gave none. */
  readonly grpcStatus: number | undefined
}

/** Values that the plugins of one stream share, by name (Envoy's filter state), for reading. */
export interface ReadableState {
  get(name: string): Uint8Array | undefined
}

/** The same, for writing. */
export interface FilterState extends ReadableState {
  set(name: string, value: Uint8Array): void
}

interface AttributeHost {
  /** A value of the attribute tree that the host cannot derive itself: `('connection', 'mtls')`, `('xds', 'node')`. */
  attribute(group: string, name: string): AttributeValue | undefined
  readonly filterState: FilterState
}

/** A finished stream, as an access logger sees it; a connection has no headers. */
export interface LoggedStream {
  readonly requestHeaders: HeaderMap | undefined
  readonly responseHeaders: HeaderMap | undefined
  readonly responseTrailers: HeaderMap | undefined
  attribute(group: string, name: string): AttributeValue | undefined
  readonly filterState: ReadableState
}

/** One HTTP stream, as a plugin acts on it. Nothing here is called while the module runs except the readable fields. */
export interface HttpStreamHost extends AttributeHost {
  readonly requestHeaders: HeaderMap | undefined
  readonly requestTrailers: HeaderMap | undefined
  readonly responseHeaders: HeaderMap | undefined
  readonly responseTrailers: HeaderMap | undefined
  /** Only while the plugin may read and change it. */
  readonly requestBody: BodyBuffer | undefined
  readonly responseBody: BodyBuffer | undefined
  /** Makes trailers in the last body callback; undefined where that is not possible. */
  addRequestTrailers(): HeaderMap | undefined
  addResponseTrailers(): HeaderMap | undefined
  /** Called at once when request headers were changed, so that the next route lookup is fresh. */
  clearRouteCache(): void
  // Called after the module has returned:
  continueRequest(): void
  continueResponse(): void
  closeStream(direction: 'request' | 'response'): void
  sendLocalReply(reply: LocalReply): void
  /** The plugin failed while this stream was alive: for the access log. What happens to the stream is told by other calls. */
  onPluginFailed(failure: PluginFailure): void
}

/** One connection, as a network plugin acts on it. */
export interface ConnectionHost extends AttributeHost {
  readonly downstreamData: BodyBuffer | undefined
  readonly upstreamData: BodyBuffer | undefined
  continueDownstream(): void
  continueUpstream(): void
  closeDownstream(): void
  closeUpstream(): void
  onPluginFailed(failure: PluginFailure): void
}

/** A request that a plugin makes (`proxy_http_call`). Its headers have been checked: `:method`, `:path` and `:authority` are there. */
export interface HttpCallout {
  readonly cluster: string
  readonly headers: HeaderMap
  readonly body: Uint8Array
  readonly trailers: HeaderMap | undefined
  /** 0 means no timeout. */
  readonly timeoutMs: number
}

/** A response (also one that the proxy made: 504 on timeout, 503 without a healthy host), or a failure without one. */
export type HttpCalloutResult =
  | {
      readonly headers: HeaderMap
      readonly body: Uint8Array
      readonly trailers: HeaderMap | undefined
    }
  | { readonly failure: string }

/** Which method is called, by its full service name; `metadata` comes before the first message. */
export interface GrpcCallout {
  readonly cluster: string
  readonly service: string
  readonly method: string
  readonly metadata: HeaderMap
}

/** What comes back on a gRPC stream, in this order. `onClose` is the last and comes once, with a status of gRPC (0 to 16). */
export interface GrpcEvents {
  onInitialMetadata(metadata: HeaderMap): void
  onMessage(message: Uint8Array): void
  onTrailingMetadata(metadata: HeaderMap): void
  onClose(status: number, message: string): void
}

/** A stream that a plugin writes to (`proxy_grpc_stream`). */
export interface GrpcStream {
  /** Bytes that the cluster has been given while it took no more. */
  readonly waiting: number
  /** Without a message it only ends this side; an empty one is a message. */
  send(message: Uint8Array | undefined, endStream: boolean): void
  /** Ends at once; no event follows. */
  cancel(): void
}

/** What is under way and may be given up. */
export interface Callout {
  /** No result follows. */
  cancel(): void
}

/** Clusters that plugins may call. Results may come synchronously; the host delivers them after the module has returned. */
export interface Clusters {
  has(cluster: string): boolean
  /** Undefined when the call cannot even be started. */
  httpCall(call: HttpCallout, done: (result: HttpCalloutResult) => void): Callout | undefined
  grpcCall(
    call: GrpcCallout,
    message: Uint8Array,
    timeoutMs: number,
    events: Pick<GrpcEvents, 'onMessage' | 'onClose'>,
  ): Callout | undefined
  grpcStream(call: GrpcCallout, events: GrpcEvents): GrpcStream | undefined
}

/** An address with its port, as Envoy writes it (`192.0.2.1:0`), and for how many seconds it holds. */
export interface ResolvedAddress {
  readonly address: string
  readonly ttl: number
}

/** A value with the number of its last change: `setData` with another `cas` than that changes nothing. */
export interface SharedValue {
  readonly value: Uint8Array
  /** Never 0, with which `setData` writes whatever is there. */
  readonly cas: number
}

/** Data and queues shared by all VMs of one vm_id in the process. Results below zero are negated statuses of the ABI. */
export interface SharedStore {
  getData(vmId: string, key: string): SharedValue | undefined
  /** A status of the ABI. */
  setData(vmId: string, key: string, value: Uint8Array, cas: number): number
  /** The queue's id; `onReady` replaces the listener of an earlier registration, here or on another thread. */
  registerQueue(vmId: string, name: string, onReady: () => void): number
  resolveQueue(vmId: string, name: string): number
  enqueue(queue: number, value: Uint8Array): number
  /** The value, or a status. */
  dequeue(queue: number): Uint8Array | number
  /** Forgets a listener, when its VM goes. */
  unregisterQueue(queue: number, onReady: () => void): void
  /** A VM with this vm_id has come; what the vm_id holds is freed when as many have gone. */
  retain(vmId: string): void
  release(vmId: string): void
}

/** One metric as a plugin writes it. Numbers above 2^53 lose their lowest bits. */
export interface MetricHandle {
  value(): number
  add(amount: number): void
  set(value: number): void
  record(value: number): void
}

/** Where the metrics of plugins live: longer than the VMs that define them. */
export interface MetricSink {
  /** `type` is one of METRIC. The same name of the same type is the same metric, whoever defines it. */
  define(type: number, name: string): MetricHandle
}

/** By what logs and counts tell plugins apart. */
export interface PluginIdentity {
  readonly name: string
  readonly rootId: string
  readonly vmId: string
}

/** Where `proxy_log` goes to, and what a module writes to its standard output and error. */
export interface LogSink {
  /** The message as the module wrote it (UTF-8 decoded); the embedder puts plugin, root id and VM id before it. */
  log(level: LogLevel, message: string, plugin: PluginIdentity): void
  /** The lowest level that is written at all; lower ones cost nothing. An index of LOG_LEVELS. */
  readonly level: number
}

/** The time that modules are told; a test sets it. */
export interface Clock {
  /** Milliseconds since 1970, with fraction. */
  wallMs(): number
  /** Milliseconds of a clock that never goes back. */
  monotonicMs(): number
}

/** What ticks and pauses before a reload are made with; a test runs them by hand. */
export interface Timers {
  /** Calls once; returns what stops it. */
  after(ms: number, callback: () => void): () => void
}

/** What all plugins of a thread share. */
export interface HostServices {
  readonly shared: SharedStore
  readonly metrics: MetricSink
  readonly clusters: Clusters
  readonly log: LogSink
  readonly clock: Clock
  readonly timers: Timers
  /** Attributes that hold without a stream: `('xds', 'node')`, `('xds', 'listener_direction')`. */
  attribute(group: string, name: string): AttributeValue | undefined
  /** DNS; undefined is a look-up that failed. Absent: plugins have none. */
  resolveDns?(name: string, done: (found: readonly ResolvedAddress[] | undefined) => void): Callout
  /** Own numbers of the host (`wasm.<plugin>.vm_reload`, …); something has happened once, or `times`. */
  count?(plugin: string, event: PluginEvent, times?: number): void
}

/** What is counted of a plugin; those of reloads are Envoy's. */
export type PluginEvent =
  | 'vm_reload'
  | 'vm_reload_backoff'
  | 'vm_reload_success'
  | 'vm_reload_failure'
  | 'vm_failure'
  | 'logs_dropped'
