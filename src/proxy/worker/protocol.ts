/** What the main thread and its workers say to each other. Configs travel as the bytes of their protos. */
import type { LogLevels } from '../../telemetry/log.ts'
import type { SuccessRates } from '../cluster/outlier/success-rate.ts'
import type { SharedOverload } from '../overload/overload-state.ts'
import type { TicketSeed } from '../tls/ticket-secret.ts'

/** `services`: the thread that has the single services, and no listeners. */
export type WorkerRole = 'data' | 'services'

/** One change of the configuration, which a worker can prepare, and then commit or drop. */
export type ConfigOp =
  /** `name` is its key (tls/secret-need.ts). */
  | { readonly kind: 'secret'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'remove-secret'; readonly name: string }
  | ClusterOp
  /** A secret that it uses has changed. */
  | { readonly kind: 'renew-cluster'; readonly name: string }
  | { readonly kind: 'remove-cluster'; readonly name: string }
  | { readonly kind: 'endpoints'; readonly name: string; readonly bytes: Uint8Array }
  | RoutesOp
  | ExtensionOp
  | ServiceOp
  | ListenerOp
  | { readonly kind: 'remove-listener'; readonly name: string; readonly drainMs: number }
  | ForgetOp

/** To be forgotten under its name: nobody uses it any more, or only those who hold it already. */
export interface ForgetOp {
  readonly kind: 'forget'
  readonly what: 'endpoints' | 'routes' | 'extension'
  readonly name: string
}

/** Puts a cluster into force; one of the same name is replaced, and drains. */
export interface ClusterOp {
  readonly kind: 'cluster'
  readonly name: string
  readonly bytes: Uint8Array
  /** In which the threads count together what its circuit breakers limit, where there are several. */
  readonly memory: SharedArrayBuffer | undefined
}

/** Puts a route configuration into force, for requests that begin from now on. */
interface RoutesOp {
  readonly kind: 'routes'
  readonly name: string
  readonly bytes: Uint8Array
  /** For what the workers count together. */
  readonly memory: SharedArrayBuffer
}

/** Puts an extension config (ECDS) into force for all who name it, also those that come later. */
export interface ExtensionOp {
  readonly kind: 'extension'
  readonly name: string
  readonly typeUrl: string
  readonly bytes: Uint8Array
  readonly prepared: unknown
  /** The reason why the config was refused, when there is none before it. */
  readonly failure: string | undefined
}

/** A plugin without traffic (`envoy.bootstrap.wasm`). */
export interface ServiceOp {
  readonly kind: 'service'
  readonly name: string
  readonly prepared: unknown
  /** It runs on the thread for services only, else on every data thread. */
  readonly singleton: boolean
}

/** Puts a listener into force. One of the same name goes on with the new config, and its connections drain. */
export interface ListenerOp {
  readonly kind: 'listener'
  readonly name: string
  readonly bytes: Uint8Array
  /** Results of `prepare` by path. */
  readonly prepared: ReadonlyMap<string, unknown>
  /** Ports that the first worker was given where the config says 0. */
  readonly ports: readonly number[] | undefined
  /** How long connections of what it replaces may last. */
  readonly drainMs: number
}

/** What became of it. */
export interface OpResult {
  readonly error: string | undefined
  /** Of a listener: the bound port of each address. */
  readonly ports?: readonly number[]
}

/** Messages to a worker; each that has an id is answered under it. */
export type ToWorker =
  | { readonly type: 'prepare'; readonly id: number; readonly ops: readonly ConfigOp[] }
  /** The ops of a batch that all workers could prepare are put into force, the others dropped. */
  | { readonly type: 'commit'; readonly id: number; readonly accepted: readonly boolean[] }
  | { readonly type: 'query'; readonly id: number; readonly what: WorkerQuestion }
  /** Answers with the number of plugins of that name that run there. */
  | { readonly type: 'wasm-trace'; readonly id: number; readonly plugin: string; readonly enabled: boolean }
  | { readonly type: 'drain'; readonly id: number; readonly deadlineMs: number }
  | { readonly type: 'command'; readonly id: number; readonly command: WorkerCommand }

/** What a worker can be asked. */
export type WorkerQuestion = 'stats' | 'clusters' | 'certificates' | 'connections' | 'log-levels'

/** What the admin endpoint may ask of every worker. */
export type WorkerCommand =
  | { readonly kind: 'reset-counters' }
  | { readonly kind: 'reopen-logs' }
  | { readonly kind: 'log-levels'; readonly levels: LogLevels }
  | { readonly kind: 'health'; readonly failed: boolean }
  | { readonly kind: 'drain-listeners'; readonly drainMs: number; readonly inboundOnly: boolean }

/** Messages of a worker. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'prepared'; readonly id: number; readonly results: readonly OpResult[] }
  | { readonly type: 'committed'; readonly id: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }

/** What a worker is started with. */
export interface WorkerStart {
  readonly index: number
  readonly role: WorkerRole
  /** The node as the bytes of its proto. */
  readonly node: Uint8Array
  /** What keys of TLS session tickets are made from. */
  readonly ticketSeed: TicketSeed
  /** Memory that all workers share, where the bootstrap limits anything. */
  readonly overload: SharedOverload | undefined
  /** `cluster_manager.local_cluster_name`, or '' */
  readonly localCluster: string
}

/** A cluster in one worker, for `/clusters`. */
export interface ClusterStatus {
  readonly name: string
  readonly hosts: readonly HostStatus[]
  /** What its hosts are measured by, where it has outlier detection. */
  readonly rates: Readonly<Record<'external' | 'local', SuccessRates>> | undefined
  /** What the process has under way to it. */
  readonly connections: number
  readonly pending: number
  readonly requests: number
  readonly retries: number
  /** Of its circuit breakers, for both priorities. */
  readonly limits: Readonly<Record<'default' | 'high', LimitsStatus>>
}

/** The limits of one priority. */
export interface LimitsStatus {
  readonly maxConnections: number
  readonly maxPending: number
  readonly maxRequests: number
  readonly maxRetries: number
}

/** A host in one worker, for `/clusters`. */
export interface HostStatus {
  readonly address: string
  readonly hostname: string
  readonly weight: number
  readonly priority: number
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly healthFlags: number
  /** `envoy.lb` of its metadata says so. */
  readonly canary: boolean
  /** Percents; -1: not known. */
  readonly successRate: number
  readonly localSuccessRate: number
  readonly active: number
  readonly pending: number
  readonly connections: number
  readonly requests: number
  readonly errors: number
  readonly successes: number
  readonly timeouts: number
  readonly connectFailures: number
  readonly connects: number
}
