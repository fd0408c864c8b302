import type { HeaderMap } from '../../base/header-map.ts'
import type { AsyncClient } from '../cluster/async-client.ts'
import type { FilterSlot } from '../filter-chain/slot.ts'
import { headerValue } from '../match/header.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import type { RouteEntry } from '../route/route-entry.ts'
import { isGrpc } from '../route/route-match.ts'
import type { RouteTable } from '../route/route-table.ts'
import type { Tracing } from '../tracing/tracing.ts'
import type { AccessLogger } from './access-log.ts'
import { nameCaller } from './caller.ts'
import { clientCertHeader } from './client-cert.ts'
import type { ResponseEncoder } from './codec.ts'
import { httpDate } from './date.ts'
import type { HttpFilterConfig } from './filter.ts'
import { applyForwarded } from './forwarded.ts'
import type { HttpOptions } from './http-options.ts'
import type { HttpStats } from './http-stats.ts'
import type { LocalReplyMapper } from './local-reply-mapper.ts'
import { goesOn } from './max-forwards.ts'
import { needsNormalizing, normalizePath } from './path.ts'
import { HttpStream } from './stream.ts'
import { ResponseFlag, type StreamInfo } from './stream-info.ts'

/** Where the routes come from: inline, or RDS that replaces the table. */
export interface RouteSource {
  readonly table: RouteTable | undefined
}

/** What a HttpConnectionManager was compiled into. */
interface ConnectionManagerParts {
  readonly options: HttpOptions
  readonly slots: readonly FilterSlot<HttpFilterConfig>[]
  /** Of upgrades that have some of their own. */
  readonly upgradeSlots: ReadonlyMap<string, readonly FilterSlot<HttpFilterConfig>[]>
  readonly routes: RouteSource
  readonly clusters: Pick<AsyncClient, 'hasCluster'>
  readonly accessLogs: readonly AccessLogger[]
  readonly stats: HttpStats
  readonly localReplyMapper: LocalReplyMapper | undefined
  readonly tracing: Tracing | undefined
  /** `per_connection_buffer_limit_bytes` of the listener. */
  readonly bufferLimit: number
  readonly filterChainName: string
  /** Istio's request metrics, where the node is one of Istio's. */
  readonly report: ((info: StreamInfo) => void) | undefined
  /** Clients come by TLS: the scheme of a request that names none is https. */
  readonly tls: boolean
  readonly overload: OverloadState | undefined
}

const NONE: readonly string[] = []

/** The HTTP connection manager: what is done to every request and response around the filter chain. */
export class ConnectionManager {
  readonly options: HttpOptions
  readonly stats: HttpStats
  readonly localReplyMapper: LocalReplyMapper | undefined
  readonly bufferLimit: number
  readonly #parts: ConnectionManagerParts

  constructor(parts: ConnectionManagerParts) {
    this.#parts = parts
    this.options = parts.options
    this.stats = parts.stats
    this.localReplyMapper = parts.localReplyMapper
    this.bufferLimit = parts.bufferLimit
  }

  get scheme(): string {
    return this.#parts.tls ? 'https' : 'http'
  }

  get hasRouteDisables(): boolean {
    return this.#parts.routes.table?.hasDisables ?? false
  }

  newStream(encoder: ResponseEncoder, connection: ConnectionInfo, protocol: string): HttpStream {
    const stream = new HttpStream(this, encoder, connection, protocol)
    stream.info.filterChainName = this.#parts.filterChainName
    return stream
  }

  streamStarted(protocol: string): void {
    this.stats.requests.value++
    const { http1, http2 } = this.stats
    if (protocol === 'HTTP/2') http2.requests.value++
    else http1.requests.value++
    this.stats.active.value++
  }

  /** `broken`: it ended before its time, whoever ended it. */
  streamFinished(stream: HttpStream, broken: boolean): void {
    const { stats } = this
    const info = stream.info
    stats.active.value--
    if (stream.isUpgrade) stats.activeUpgrades.value--
    const code = info.responseCode
    if (code !== 0) stats.countAnswer(code)
    if (broken) stats.resets.value++
    stats.duration.record(info.endMono - info.startMono)
    this.#parts.report?.(info)
    stream.trace?.finish(info)
    const logs = this.#parts.accessLogs
    info.logType = 'DownstreamEnd'
    for (let i = 0; i < logs.length; i++) logs[i].log(info)
  }

  routeFor(stream: HttpStream): RouteEntry | undefined {
    return this.#parts.routes.table?.match(stream.requestHeaders, stream.info)
  }

  /** The cluster is settled with the route: what filters do to the header that tells it changes nothing, unless they ask for another route. */
  settleRoute({ info, requestHeaders }: HttpStream, route: RouteEntry | undefined): void {
    const cluster = route === undefined ? '' : route.clusterFor(requestHeaders)
    info.route = route
    info.routeCluster = cluster
    info.upstreamCluster = this.#parts.clusters.hasCluster(cluster) ? cluster : ''
  }

  /** Checks and rewrites the request's headers; false when it was answered here. */
  acceptRequest(stream: HttpStream, headers: HeaderMap): boolean {
    const { options } = this
    const { info } = stream
    const flat = headers.flat
    if (this.#parts.overload?.stopsRequests === true) {
      this.stats.overload.value++
      info.responseFlags |= ResponseFlag.OverloadManagerTerminated
      return refuse(stream, 503, 'envoy overloaded', 'overload')
    }
    // Before all else: to Envoy's codec such a header is no header.
    if (options.underscores !== 'allow' && !this.#underscores(stream, headers)) return false
    if (info.protocol === 'HTTP/1.0') {
      if (!options.acceptHttp10) return refuse(stream, 426, 'Upgrade Required', 'low_version')
      if (flat[1] === '' && options.defaultHostForHttp10 !== '') flat[1] = options.defaultHostForHttp10
    }
    if (flat[1] === '') return refuse(stream, 400, '', 'missing_host_header')
    const method = flat[5]
    const path = flat[3]
    if (method !== 'CONNECT') {
      if (path.charCodeAt(0) !== 47) {
        this.stats.notRelative.value++
        return refuse(stream, 404, '', 'absolute_path_rejected')
      }
      // A fragment is the client's own affair; servers that look at it differ about where the path ends.
      if (path.includes('#')) {
        this.stats.badPaths.value++
        return refuse(stream, 400, '', 'path_normalization_failed')
      }
      if (!this.#normalize(stream, headers, path)) return false
    }
    if ((method === 'OPTIONS' || method === 'TRACE') && !goesOn(stream, headers)) return false
    this.#stripHost(flat, info.connection)
    const internalOnly = this.#parts.routes.table?.internalOnlyHeaders ?? NONE
    const source = applyForwarded(headers, info.connection, options.forwarded, internalOnly)
    if (options.via !== '') appendVia(headers, options.via)
    if (source !== info.connection.remoteAddress) {
      info.remoteAddress = source
      info.remotePort = 0
    }
    clientCertHeader(headers, info.connection, options)
    if (options.caller !== undefined) nameCaller(headers, options.caller)
    // Before the id is read: the decision to trace is written into it.
    this.#trace(stream, headers)
    info.requestId = headers.get('x-request-id') ?? ''
    return true
  }

  /** Of an upgrade that may be had its own, if it has some (Envoy's createUpgradeFilterChain). */
  slotsFor(stream: HttpStream): readonly FilterSlot<HttpFilterConfig>[] {
    const { slots, upgradeSlots } = this.#parts
    if (upgradeSlots.size === 0) return slots
    const upgrade = upgradeOf(stream.requestHeaders)
    const own = upgrade === undefined ? undefined : upgradeSlots.get(upgrade)
    return own !== undefined && this.#allows(stream, upgrade as string) ? own : slots
  }

  /** Whether a request that asks for an upgrade may have it; false when it was answered, which its filters see (Envoy's upgradeRejected). */
  acceptUpgrade(stream: HttpStream, headers: HeaderMap): boolean {
    const upgrade = upgradeOf(headers)
    if (upgrade === undefined) return true
    const { stats } = this
    if (!this.#allows(stream, upgrade)) {
      // A CONNECT that no route takes is answered as what it is: without a route.
      if (upgrade === 'connect' && stream.route() === undefined) return true
      stats.refusedUpgrades.value++
      return refuse(stream, 403, '', 'upgrade_failed')
    }
    // Envoy takes the body for the tunnel's first bytes, and waits with them for an upstream that waits for them.
    if (stream.upgradeHasBody) return refuse(stream, 400, 'Bad Request', 'http1.body_disallowed')
    stream.isUpgrade = true
    stats.upgrades.value++
    stats.activeUpgrades.value++
    return true
  }

  /** Of a request that the proxy has redirected itself: what came from the client has been looked at; false when it was answered. */
  acceptRedirected(stream: HttpStream, headers: HeaderMap): boolean {
    if (!this.#normalize(stream, headers, headers.flat[3])) return false
    this.#stripHost(headers.flat, stream.info.connection)
    this.#trace(stream, headers)
    return true
  }

  #allows(stream: HttpStream, upgrade: string): boolean {
    return stream.route()?.settings.upgrades.get(upgrade) ?? this.options.upgrades.get(upgrade) ?? false
  }

  #trace(stream: HttpStream, headers: HeaderMap): void {
    const trace = this.#parts.tracing?.begin(stream.info, headers, stream)
    stream.trace = trace
    if (trace === undefined) return
    stream.info.traceId = trace.span.traceId
    stream.info.spanId = trace.span.spanId
  }

  /** The last changes to a response before it goes to the codec. */
  finishResponse(stream: HttpStream, headers: HeaderMap): void {
    const { options } = this
    stream.trace?.onResponseHeaders(headers)
    const flat = headers.flat
    let server = -1
    let date = false
    let ofConnection = false
    for (let i = 2; i < flat.length; i += 2) {
      const name = flat[i]
      if (name === 'server') server = i
      else if (name === 'date') date = true
      else if (isOfConnection(name)) ofConnection = true
    }
    if (ofConnection && headers.get(':status') !== '101') headers.removeWhere(isOfConnection)
    if (server === -1) {
      if (options.serverHeader !== 'pass') flat.push('server', options.serverName)
    } else if (options.serverHeader === 'overwrite') {
      headers.set('server', options.serverName)
    }
    if (!date) flat.push('date', httpDate())
    if (options.via !== '') appendVia(headers, options.via)
    if (options.alwaysSetRequestIdInResponse) {
      // As it went upstream: routes may have changed it.
      const id = headerValue(stream.requestHeaders, 'x-request-id')
      if (id !== undefined) headers.set('x-request-id', id)
    }
  }

  #normalize(stream: HttpStream, headers: HeaderMap, path: string): boolean {
    if (!needsNormalizing(path)) return true
    const result = normalizePath(path, this.options.path)
    if ('error' in result) return refuse(stream, 400, '', result.error)
    if ('redirect' in result) {
      // Clients of gRPC follow no redirects.
      if (isGrpc(headers)) return refuse(stream, 400, '', 'path_normalization_failed')
      // What formats of the answer show.
      headers.flat[3] = result.redirect
      headers.version++
      stream.sendLocalReply(307, '', {
        details: 'path_normalization_failed',
        modifyHeaders: (reply) => reply.add('location', result.redirect),
      })
      return false
    }
    if (result.path !== path) {
      headers.flat[3] = result.path
      headers.version++
    }
    return true
  }

  #stripHost(flat: string[], connection: ConnectionInfo): void {
    const { stripHostPort, stripTrailingHostDot } = this.options
    if (stripHostPort === 'no' && !stripTrailingHostDot) return
    const match = /^(.*?)(?::([0-9]+))?$/.exec(flat[1])
    if (match === null) return
    let [, host, port] = match
    if (stripTrailingHostDot && host.endsWith('.')) host = host.slice(0, -1)
    const strip = stripHostPort === 'any' || (stripHostPort === 'matching' && port === String(connection.localPort))
    flat[1] = port === undefined || strip ? host : `${host}:${port}`
  }

  #underscores(stream: HttpStream, headers: HeaderMap): boolean {
    const names = headers.flat.filter((name, i) => i % 2 === 0 && name.includes('_'))
    if (names.length === 0) return true
    if (this.options.underscores === 'reject') {
      stream.info.responseFlags |= ResponseFlag.DownstreamProtocolError
      return refuse(stream, 400, 'Bad Request', 'http1.unexpected_underscore')
    }
    for (const name of names) headers.remove(name)
    return true
  }
}

/** What a request asks to become; RFC 9110 7.8: the names of protocols have no case. */
function upgradeOf(headers: HeaderMap): string | undefined {
  return headers.flat[5] === 'CONNECT' ? 'connect' : headers.get('upgrade')?.toLowerCase()
}

/** What filters see of the upstream's connection, or have said of the client's: the codec alone says that (mutateResponseHeaders). */
function isOfConnection(name: string): boolean {
  switch (name.length) {
    case 7:
      return name === 'upgrade'
    case 10:
      return name === 'connection' || name === 'keep-alive'
    case 16:
      return name === 'proxy-connection'
    case 17:
      return name === 'transfer-encoding'
    default:
      return false
  }
}

/** RFC 9110 7.6.3: one list, the nearest hop last. */
function appendVia(headers: HeaderMap, via: string): void {
  headers.set('via', headers.has('via') ? `${headers.getAll('via').join()}, ${via}` : via)
}

function refuse(stream: HttpStream, code: number, body: string, details: string): false {
  stream.sendLocalReply(code, body, { details })
  return false
}
