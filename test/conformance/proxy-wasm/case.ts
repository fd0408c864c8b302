/**
 * A conformance case: a module, what it is told to do, what is sent through it, and what must be seen. The same data runs on
 * every target (targets/*.ts).
 */

/** Header pairs as they travel; names in lower case. */
export type Pairs = readonly (readonly [string, string])[]

export interface Message {
  readonly headers?: Pairs
  /** Sent as one piece, or one after the other. */
  readonly body?: string | readonly string[]
  readonly trailers?: Pairs
}

export interface Request extends Message {
  readonly method?: string
  readonly path?: string
  /** Sent over HTTP/2. */
  readonly http2?: boolean
  /** Over HTTP/2: the client resets the stream with this code, if there is no response by then. */
  readonly resets?: number
}

export interface Response extends Message {
  readonly status?: number
}

/** A string is the whole line or value; `null` says that a header is absent. */
export type Expected = string | RegExp

export interface ExpectedMessage {
  readonly headers?: Readonly<Record<string, Expected | null>>
  readonly body?: Expected
  readonly trailers?: Readonly<Record<string, Expected | null>>
}

export interface Exchange {
  readonly request?: Request
  /** What the upstream answers; 200 with the body `upstream` unless told. */
  readonly upstream?: Response
  readonly expect?: {
    /** 0 when the connection ends without a response. */
    readonly status?: number
    readonly response?: ExpectedMessage
    /** Status, response flags and details, where the case has them logged. */
    readonly logged?: string
    /** What the upstream got; `null` when it must not be reached. */
    readonly upstream?: ({ readonly method?: string; readonly path?: string } & ExpectedMessage) | null
  }
}

export interface PluginSettings {
  /** Cases with the same VM id and module share a VM; unless told, all that need no VM of their own do. */
  readonly vmId?: string
  readonly rootId?: string
  readonly failurePolicy?: 'FAIL_OPEN' | 'FAIL_CLOSED' | 'FAIL_RELOAD'
  readonly vmConfig?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly allowedCapabilities?: readonly string[]
  readonly allowOnHeadersStopIteration?: boolean
  /** Ours only: bytes that are not UTF-8 reach the module, as they always do in Envoy. */
  readonly passInvalidUtf8?: boolean
}

/**
 * `tcp`: a network filter before a TCP proxy to an echoing upstream; `exchanges` then carry bodies only. `access-log` and
 * `tcp-access-log`: the access log of a connection manager, or of a TCP proxy. `service`: a service on every worker of the proxy,
 * `singleton`: one for all of it.
 */
export type Kind = 'http' | 'tcp' | 'access-log' | 'tcp-access-log' | 'service' | 'singleton'

export const isTcp = (kind: Kind | undefined): boolean => kind === 'tcp' || kind === 'tcp-access-log'
export const isService = (kind: Kind | undefined): boolean => kind === 'service' || kind === 'singleton'

export interface Case {
  readonly id: string
  /** Where the expectation comes from: a clause of the specification, or a behaviour of Envoy or its host library. */
  readonly source: string
  /** A name of modules/index.ts; the scripted probe of ABI 0.2.1 unless told. */
  readonly module?: string
  /** The plugin's configuration; for the probe, its program. */
  readonly config?: string
  readonly plugin?: PluginSettings
  /** Where the plugin stands; an HTTP filter unless told. */
  readonly kind?: Kind
  /** For services and access logs: a program of the same module as an HTTP filter that the exchanges pass. */
  readonly filter?: { readonly config: string; readonly vmId?: string }
  /** The program of another instance of the module, with the same log, behind this one. */
  readonly second?: string
  /** Of that instance; unless told it is in the same VM. */
  readonly secondVmId?: string
  /** The upstream speaks HTTP/2. */
  readonly upstreamHttp2?: boolean
  /** One after the other; a plain GET unless told. */
  readonly exchanges?: readonly Exchange[]
  /** Each exchange begins a moment after the one before, whether that is over or not. */
  readonly overlapping?: boolean
  /** What the proxy logs of the exchanges is of interest; their requests are told apart by `x-nth`. */
  readonly accessLog?: boolean
  /** What the module logs before the first exchange; a proxy may start a plugin more than once, and it logs so each time. */
  readonly startLog?: readonly Expected[]
  /** All lines that the module logs from the first exchange on, in order. */
  readonly log?: readonly Expected[]
  /** Lines that must be there, in this order, among others (for cases with timers). */
  readonly logIncludes?: readonly Expected[]
  /** The plugin must be refused, and the reason must say so on our host. */
  readonly refused?: RegExp
  /** What is expected is the proxy's doing, so the host alone cannot show it. */
  readonly needsProxy?: boolean
  /** Not expressible as requests on Envoy, or Envoy crashes on it: runs on our host only, with the reason. */
  readonly hostOnly?: string
}

/** The filter that stands beside a service or an access log, as a case of its own: its log is its own too. */
export function filterOf({ id, source, filter }: Case): Case | undefined {
  if (filter === undefined) return undefined
  const name = `${id}-filter`
  return { id: name, source, config: filter.config, plugin: { vmId: filter.vmId ?? name } }
}

/** What a target saw of one exchange. */
export interface SeenExchange {
  status: number
  headers: [string, string][]
  body: string
  trailers: [string, string][]
  upstream:
    | { method: string; path: string; headers: [string, string][]; body: string; trailers: [string, string][] }
    | undefined
  /** Status, response flags and details, where the case asks for them. */
  logged?: string
}

/** Tells the exchanges of a case apart, where it matters. */
export function nthOf({ request }: Exchange): string {
  return request?.headers?.find(([name]) => name === 'x-nth')?.[1] ?? ''
}

export interface Seen {
  exchanges: SeenExchange[]
  startLog: string[]
  log: string[]
  refused: string | undefined
}
