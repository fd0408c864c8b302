import type { HeaderMap } from '../../base/header-map.ts'
import type { MetadataMatch } from '../cluster/lb/metadata-match.ts'
import type { HeaderMutations } from '../http/header-mutations.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import type { Regex } from '../match/regex.ts'
import type { RouteRateLimits } from '../rate-limit/route-limits.ts'
import type { RouteTracing } from '../tracing/tracing.ts'
import type { HashPolicy } from './hash-policy.ts'
import type { InternalRedirects } from './internal-redirects.ts'
import type { PerFilterConfig } from './per-filter-config.ts'
import type { RequestLimits } from './request-limits.ts'
import type { RetryPolicy } from './retry-policy.ts'
import type { Route } from './route.ts'
import { pathOnly, type RouteMatcher } from './route-match.ts'
import type { StreamDuration } from './stream-duration.ts'

/** What a route does when it does not forward. */
export interface DirectAnswer {
  readonly status: number
  readonly body: Buffer | undefined
  /** For redirects, and for responses that tell one: the location. */
  readonly location: ((request: HeaderMap) => string) | undefined
}

/** Where copies of requests go, and of which part of them. */
export interface MirrorPolicy {
  readonly cluster: string
  readonly fraction: number
  readonly suffix: boolean
  /** `trace_sampled`: what trace headers of the copy say; undefined: what they say of the request. */
  readonly sampled: boolean | undefined
}

/** What is put where an expression matches, both as bytes. */
export interface RegexRewrite {
  readonly regex: Regex
  readonly substitution: string
}

/** What stays the same in all weighted variants of a route. */
export interface RouteSettings {
  readonly name: string
  readonly matcher: RouteMatcher
  readonly routeConfigName: string
  readonly virtualHostName: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly virtualHostMetadata: Readonly<Record<string, unknown>>
  readonly direct: DirectAnswer | undefined
  /** Header that names the cluster, or ''. */
  readonly clusterHeader: string
  readonly clusterNotFoundCode: number
  readonly limits: RequestLimits
  /** From `grpc-timeout`, capped by this; -1: do not use it. */
  readonly maxGrpcTimeoutMs: number
  readonly maxDuration: StreamDuration | undefined
  readonly idleTimeoutMs: number | undefined
  readonly retry: RetryPolicy | undefined
  readonly hash: HashPolicy | undefined
  /** The redirects of the upstream that are followed here. */
  readonly redirects: InternalRedirects | undefined
  readonly mirrors: readonly MirrorPolicy[]
  readonly highPriority: boolean
  readonly rateLimits: RouteRateLimits | undefined
  /** Of the path, also of one that is redirected to. */
  readonly prefixRewrite: string
  readonly regexRewrite: RegexRewrite | undefined
  readonly hostRewrite: string
  readonly autoHostRewrite: boolean
  readonly hostRewriteHeader: string
  readonly hostRewritePath: RegexRewrite | undefined
  readonly appendForwardedHost: boolean
  readonly includeAttemptCount: boolean
  readonly includeAttemptCountInResponse: boolean
  readonly bufferLimit: number | undefined
  readonly tracing: RouteTracing | undefined
  /** Upgrade types that the route turns on or off. */
  readonly upgrades: ReadonlyMap<string, boolean>
  /** CONNECT ends here: what it tunnels goes to the upstream without it. */
  readonly endsConnect: boolean
}

/** What a weighted cluster writes over the host, or ''; the route's own rewrite comes after it. */
interface ClusterHost {
  readonly host: string
  /** How many of the request mutations are the cluster's own, which come before it. */
  readonly behind: number
}

/** A route, or one weighted cluster of a route. */
export class RouteEntry implements Route {
  readonly settings: RouteSettings
  /** '' for redirects and direct responses, and where a header tells it. */
  readonly clusterName: string
  readonly clusterHost: ClusterHost
  /** What is asked of the endpoints' metadata. */
  readonly metadataMatch: MetadataMatch | undefined
  /** Most specific first. */
  readonly requestMutations: readonly HeaderMutations[]
  readonly responseMutations: readonly HeaderMutations[]
  readonly idleTimeoutMs: number | undefined
  readonly #perFilter: readonly PerFilterConfig[]
  readonly #allConfigs = new Map<string, readonly unknown[]>()

  constructor(
    settings: RouteSettings,
    clusterName: string,
    clusterHost: ClusterHost,
    metadataMatch: MetadataMatch | undefined,
    requestMutations: readonly HeaderMutations[],
    responseMutations: readonly HeaderMutations[],
    perFilter: readonly PerFilterConfig[],
  ) {
    this.settings = settings
    this.clusterName = clusterName
    this.clusterHost = clusterHost
    this.metadataMatch = metadataMatch
    this.requestMutations = requestMutations
    this.responseMutations = responseMutations
    this.idleTimeoutMs = settings.idleTimeoutMs
    this.#perFilter = perFilter
  }

  get name(): string {
    return this.settings.name
  }

  get forwards(): boolean {
    return this.settings.direct === undefined
  }

  /** Its cluster, or the one that a header of the request says (`cluster_header`). */
  clusterFor(headers: HeaderMap): string {
    const { clusterHeader } = this.settings
    return clusterHeader === '' ? this.clusterName : (headers.get(clusterHeader) ?? '')
  }

  get rateLimits(): RouteRateLimits | undefined {
    return this.settings.rateLimits
  }

  get virtualHostName(): string {
    return this.settings.virtualHostName
  }

  get routeConfigName(): string {
    return this.settings.routeConfigName
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.settings.metadata
  }

  get virtualHostMetadata(): Readonly<Record<string, unknown>> {
    return this.settings.virtualHostMetadata
  }

  filterConfig(filterName: string): unknown {
    for (const { configs } of this.#perFilter) {
      const config = configs.get(filterName)
      if (config !== undefined) return config
    }
    return undefined
  }

  filterConfigs(filterName: string): readonly unknown[] {
    let found = this.#allConfigs.get(filterName)
    if (found === undefined) {
      found = this.#perFilter.map(({ configs }) => configs.get(filterName)).filter((config) => config !== undefined)
      this.#allConfigs.set(filterName, found)
    }
    return found
  }

  filterDisabled(filterName: string): boolean | undefined {
    for (const { disabled, configs } of this.#perFilter) {
      const value = disabled.get(filterName)
      if (value !== undefined) return value
      // A config of one's own turns a filter on that its chain turned off.
      if (configs.has(filterName)) return false
    }
    return undefined
  }

  get hasDisables(): boolean {
    return this.#perFilter.some(({ disabled }) => disabled.size > 0)
  }

  /** Rewrites path and host and adds headers, before the request goes upstream (Envoy's finalizeRequestHeaders). */
  finalizeRequest(headers: HeaderMap, info: StreamInfo, suppressEnvoyHeaders: boolean): void {
    const { requestMutations, clusterHost } = this
    // Envoy does not tell what the host was before (WeightedClusterEntry::finalizeRequestHeaders).
    if (clusterHost.host !== '' && clusterHost.behind === 0) headers.set(':authority', clusterHost.host)
    for (let i = 0; i < requestMutations.length; i++) {
      requestMutations[i].apply(headers, info)
      if (clusterHost.host !== '' && clusterHost.behind === i + 1) headers.set(':authority', clusterHost.host)
    }
    this.#rewriteHost(headers, suppressEnvoyHeaders)
    this.rewritePath(headers, suppressEnvoyHeaders)
  }

  finalizeResponse(headers: HeaderMap, info: StreamInfo): void {
    const { responseMutations } = this
    for (let i = 0; i < responseMutations.length; i++) responseMutations[i].apply(headers, info)
    this.settings.hash?.addCookies(headers, info)
  }

  /** The path after a prefix or regex rewrite. */
  rewrittenPath(path: string): string {
    const { prefixRewrite, regexRewrite, matcher } = this.settings
    if (prefixRewrite !== '') return rewritePrefix(matcher, path, prefixRewrite)
    if (regexRewrite !== undefined) {
      const only = pathOnly(path)
      const made = regexRewrite.regex.replaceAll(only, regexRewrite.substitution)
      return made === '' ? path : made + path.slice(only.length)
    }
    return path
  }

  #rewriteHost(headers: HeaderMap, suppressEnvoyHeaders: boolean): void {
    const { hostRewriteHeader, hostRewritePath } = this.settings
    let host = this.settings.hostRewrite
    if (host === '' && hostRewriteHeader !== '') host = headers.get(hostRewriteHeader) ?? ''
    if (host === '' && hostRewritePath !== undefined) {
      host = hostRewritePath.regex.replaceAll(pathOnly(headers.get(':path') ?? ''), hostRewritePath.substitution)
    }
    if (host !== '') this.setHost(headers, host, suppressEnvoyHeaders)
  }

  setHost(headers: HeaderMap, host: string, suppressEnvoyHeaders: boolean): void {
    const old = headers.get(':authority') ?? ''
    if (this.settings.appendForwardedHost && old !== '') {
      const before = headers.get('x-forwarded-host')
      if (before === undefined) headers.set('x-forwarded-host', old)
      // What was appended last is not appended again: with auto_host_rewrite each retry comes here (Envoy's updateAuthority).
      else if (before.slice(before.lastIndexOf(',') + 1) !== old) headers.set('x-forwarded-host', `${before},${old}`)
    }
    if (!suppressEnvoyHeaders) headers.set('x-envoy-original-host', old)
    headers.set(':authority', host)
  }

  /** That of a redirect, too, before it makes its location. */
  rewritePath(headers: HeaderMap, suppressEnvoyHeaders: boolean): void {
    const { prefixRewrite, regexRewrite } = this.settings
    if (prefixRewrite === '' && regexRewrite === undefined) return
    const path = headers.get(':path') ?? ''
    const made = this.rewrittenPath(path)
    // As Envoy: a request has to have a path, and what is not rewritten is not told of.
    if (made === path && regexRewrite?.regex.replaceAll(pathOnly(path), regexRewrite.substitution) === '') return
    if (!suppressEnvoyHeaders) headers.set('x-envoy-original-path', path)
    headers.set(':path', made)
  }
}

/** Replaces what a prefix or path match covered. */
function rewritePrefix(matcher: RouteMatcher, path: string, replacement: string): string {
  switch (matcher.kind) {
    case 'prefix':
    case 'separated':
      return replacement + path.slice(matcher.value.length)
    case 'path':
      return replacement + path.slice(pathOnly(path).length)
    default:
      return replacement + path.slice(pathOnly(path).length)
  }
}
