import type { HeaderMap } from '../../base/header-map.ts'
import type { Host } from '../cluster/host.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import type { Compressors } from '../filters/compression/accept-encoding.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import type { Route } from '../route/route.ts'

/** Envoy's response flags as bits; the letters are what `%RESPONSE_FLAGS%` prints. */
export const ResponseFlag = {
  FailedLocalHealthCheck: 1 << 0,
  NoHealthyUpstream: 1 << 1,
  UpstreamRequestTimeout: 1 << 2,
  LocalReset: 1 << 3,
  UpstreamRemoteReset: 1 << 4,
  UpstreamConnectionFailure: 1 << 5,
  UpstreamConnectionTermination: 1 << 6,
  UpstreamOverflow: 1 << 7,
  NoRouteFound: 1 << 8,
  DelayInjected: 1 << 9,
  FaultInjected: 1 << 10,
  RateLimited: 1 << 11,
  UnauthorizedExternalService: 1 << 12,
  RateLimitServiceError: 1 << 13,
  DownstreamConnectionTermination: 1 << 14,
  UpstreamRetryLimitExceeded: 1 << 15,
  StreamIdleTimeout: 1 << 16,
  InvalidEnvoyRequestHeaders: 1 << 17,
  DownstreamProtocolError: 1 << 18,
  UpstreamMaxStreamDurationReached: 1 << 19,
  ResponseFromCacheFilter: 1 << 20,
  NoFilterConfigFound: 1 << 21,
  DurationTimeout: 1 << 22,
  UpstreamProtocolError: 1 << 23,
  NoClusterFound: 1 << 24,
  OverloadManagerTerminated: 1 << 25,
  DnsResolutionFailed: 1 << 26,
  DropOverload: 1 << 27,
  DownstreamRemoteReset: 1 << 28,
} as const

const FLAG_TEXT: readonly string[] = [
  'LH',
  'UH',
  'UT',
  'LR',
  'UR',
  'UF',
  'UC',
  'UO',
  'NR',
  'DI',
  'FI',
  'RL',
  'UAEX',
  'RLSE',
  'DC',
  'URX',
  'SI',
  'IH',
  'DPE',
  'UMSDR',
  'RFCF',
  'NFCF',
  'DT',
  'UPE',
  'NC',
  'OM',
  'DF',
  'DO',
  'DR',
]

/** In the order of the bits: what `%RESPONSE_FLAGS_LONG%` prints. */
export const FLAG_NAMES: readonly string[] = Object.keys(ResponseFlag)
/** Of a request Envoy notes first that there are no more retries, or may be none, and then what it ends by. */
const FIRST = ResponseFlag.UpstreamRetryLimitExceeded | ResponseFlag.UpstreamOverflow

/** `UF,URX`, or `-` when there are none. `request`: of one, and not of a connection. */
export function responseFlagsText(flags: number, names = FLAG_TEXT, request = true): string {
  if (flags === 0) return '-'
  const first = request ? flags & FIRST : 0
  return first === 0 ? listed(flags, names, '') : listed(flags & ~first, names, listed(first, names, ''))
}

function listed(flags: number, names: readonly string[], before: string): string {
  let text = before
  for (let bit = 0; bit < names.length; bit++)
    if ((flags & (1 << bit)) !== 0) text = text === '' ? names[bit] : `${text},${names[bit]}`
  return text
}

/** Everything known about one stream: for access logs, metrics, and the properties that Wasm and Lua read. */
export class StreamInfo {
  /** Milliseconds of the wall clock with fraction. */
  startTime = 0
  /** Milliseconds of the monotonic clock; 0 means: has not happened. */
  startMono = 0
  requestCompleteMono = 0
  firstUpstreamTxMono = 0
  lastUpstreamTxMono = 0
  firstUpstreamRxMono = 0
  lastUpstreamRxMono = 0
  firstDownstreamTxMono = 0
  lastDownstreamTxMono = 0
  endMono = 0
  protocol = 'HTTP/1.1'
  /** 0 until response headers are there. */
  responseCode = 0
  responseCodeDetails = ''
  responseFlags = 0
  /** Body bytes. */
  bytesReceived = 0
  bytesSent = 0
  requestId = ''
  /** '' for a request that is not traced. */
  traceId = ''
  spanId = ''
  attemptCount = 0
  /** Why it is being logged, as Envoy names it. */
  logType: 'NotSet' | 'DownstreamEnd' | 'TcpConnectionEnd' = 'NotSet'
  filterChainName = ''
  virtualClusterName = ''
  /** Chosen for tracing; also where nothing takes the spans. */
  traced = false
  readonly connection: ConnectionInfo
  /** Whom the request is held to come from: the connection's peer, or what `x-forwarded-for` says (the port is 0 then). */
  remoteAddress: string
  remotePort: number
  requestHeaders: HeaderMap | undefined
  requestTrailers: HeaderMap | undefined
  responseHeaders: HeaderMap | undefined
  responseTrailers: HeaderMap | undefined
  route: Route | undefined
  /** The name of the cluster that the route leads to; '': to none. */
  routeCluster = ''
  /** The same where there is such a cluster: `%UPSTREAM_CLUSTER%`. */
  upstreamCluster = ''
  upstreamHost: Host | undefined
  upstreamConnection: UpstreamConnection | undefined
  upstreamTransportFailureReason = ''
  /** The filter for health checks has taken it for one. */
  healthCheck = false
  /** Those of the chain, which have to agree on an encoding. */
  compressors: Compressors | undefined
  /** By namespace, each a Struct as JSON; made when first written. */
  #dynamicMetadata: Map<string, Record<string, unknown>> | undefined
  #filterState: Map<string, Buffer> | undefined

  constructor(connection: ConnectionInfo) {
    this.connection = connection
    this.remoteAddress = connection.remoteAddress
    this.remotePort = connection.remotePort
  }

  /** What is known of a request stays known when the proxy redirects it. */
  takeRequest(before: StreamInfo): void {
    this.startTime = before.startTime
    this.startMono = before.startMono
    this.requestCompleteMono = before.requestCompleteMono
    this.bytesReceived = before.bytesReceived
    this.requestId = before.requestId
    this.remoteAddress = before.remoteAddress
    this.remotePort = before.remotePort
  }

  get dynamicMetadata(): ReadonlyMap<string, Record<string, unknown>> | undefined {
    return this.#dynamicMetadata
  }

  /** Merges into what the namespace has. */
  setDynamicMetadata(namespace: string, values: Record<string, unknown>): void {
    this.#dynamicMetadata ??= new Map()
    const known = this.#dynamicMetadata.get(namespace)
    if (known === undefined) this.#dynamicMetadata.set(namespace, { ...values })
    else Object.assign(known, values)
  }

  get filterState(): ReadonlyMap<string, Buffer> | undefined {
    return this.#filterState
  }

  setFilterState(key: string, value: Buffer): void {
    this.#filterState ??= new Map()
    this.#filterState.set(key, value)
  }
}
