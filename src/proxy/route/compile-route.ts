import { create } from '@bufbuild/protobuf'
import {
  type DirectResponseAction,
  RedirectActionSchema,
  type RouteAction,
  type RouteAction_RequestMirrorPolicy,
  RouteAction_UpgradeConfig_ConnectConfigSchema,
  RouteAction_UpgradeConfigSchema,
  RouteActionSchema,
  type Route as RouteProto,
  RouteSchema,
  type VirtualHost,
  WeightedCluster_ClusterWeightSchema,
  WeightedClusterSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { RegexMatchAndSubstitute } from '../../../gen/envoy/type/matcher/v3/regex_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { MetadataMatch } from '../cluster/lb/metadata-match.ts'
import { metadataJson } from '../config/any.ts'
import { dataSource } from '../config/data-source.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { HeaderMutations } from '../http/header-mutations.ts'
import { bytesRegex } from '../match/regex.ts'
import { RateLimits } from '../rate-limit/policy.ts'
import { RouteRateLimits } from '../rate-limit/route-limits.ts'
import { routeTracing } from '../tracing/route-tracing.ts'
import { HashPolicy } from './hash-policy.ts'
import { hedges } from './hedge-policy.ts'
import { InternalRedirects } from './internal-redirects.ts'
import { compilePerFilter, type PerFilterConfig, type RouteConfigCompiler } from './per-filter-config.ts'
import { redirect } from './redirect.ts'
import { routeLimits } from './request-limits.ts'
import { RetryPolicy } from './retry-policy.ts'
import {
  type DirectAnswer,
  type MirrorPolicy,
  type RegexRewrite,
  RouteEntry,
  type RouteSettings,
} from './route-entry.ts'
import { compileRouteMatch, fraction, type RouteMatcher } from './route-match.ts'
import { streamDuration } from './stream-duration.ts'

/** What a virtual host and its route configuration give to each route. */
export interface VirtualHostContext {
  readonly proto: VirtualHost
  readonly routeConfigName: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** Of the virtual host, then of the route configuration. */
  readonly requestMutations: readonly HeaderMutations[]
  readonly responseMutations: readonly HeaderMutations[]
  readonly mostSpecificWins: boolean
  readonly perFilter: readonly PerFilterConfig[]
  readonly mirrors: readonly MirrorPolicy[]
  readonly rateLimits: RateLimits
  readonly hedges: boolean
  /** `max_direct_response_body_size_bytes` */
  readonly maxDirectBody: number
  /** Of `validate_clusters`: refuses a cluster that is not there. */
  readonly checkCluster: (name: string, path: string) => void
  readonly compilePerFilter: RouteConfigCompiler
}

/** A compiled route: one entry, or several by weight. */
export interface CompiledRoute {
  readonly matcher: RouteMatcher
  /** Never empty. */
  readonly entries: readonly RouteEntry[]
  /** Cumulative weights; empty for one entry. */
  readonly bounds: readonly number[]
  pick(headers: HeaderMap): RouteEntry
}

const ROUTE_FIELDS = [
  'name',
  'match',
  'route',
  'redirect',
  'direct_response',
  'metadata',
  'decorator',
  'tracing',
  'typed_per_filter_config',
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
  'per_request_buffer_limit_bytes',
]

const ACTION_FIELDS = [
  'cluster',
  'cluster_header',
  'weighted_clusters',
  'cluster_not_found_response_code',
  'metadata_match',
  'prefix_rewrite',
  'regex_rewrite',
  'host_rewrite_literal',
  'auto_host_rewrite',
  'host_rewrite_header',
  'host_rewrite_path_regex',
  'append_x_forwarded_host',
  'timeout',
  'idle_timeout',
  'retry_policy',
  'hedge_policy',
  'request_mirror_policies',
  'priority',
  'hash_policy',
  'internal_redirect_policy',
  'max_grpc_timeout',
  'max_stream_duration',
  'upgrade_configs',
  'rate_limits',
  'include_vh_rate_limits',
]

const DEFAULT_TIMEOUT_MS = 15_000

/** Compiles a route of a virtual host; throws where something is wrong or not supported. */
export function compileRoute(route: RouteProto, host: VirtualHostContext, path: string): CompiledRoute {
  onlyFields(RouteSchema, route, ROUTE_FIELDS, path)
  const matcher = compileRouteMatch(route.match, `${path}.match`)
  const own = [
    HeaderMutations.compile(route.requestHeadersToAdd, route.requestHeadersToRemove, `${path}.request_headers`),
    HeaderMutations.compile(route.responseHeadersToAdd, route.responseHeadersToRemove, `${path}.response_headers`),
  ]
  const perFilter = compilePerFilter(route.typedPerFilterConfig, host.compilePerFilter, path)
  const action = route.action.case === 'route' ? route.action.value : undefined
  const routeMatch = MetadataMatch.of(metadataJson(action?.metadataMatch))
  const settings = compileSettings(route, action, matcher, host, path)
  const build = (
    cluster: string,
    clusterHost: string,
    variant: readonly (HeaderMutations | undefined)[],
    config?: PerFilterConfig,
    match = routeMatch,
  ) =>
    new RouteEntry(
      settings,
      cluster,
      { host: clusterHost, behind: variant[0] === undefined ? 0 : 1 },
      match,
      order([variant[0], own[0]], host.requestMutations, host.mostSpecificWins),
      order([variant[1], own[1]], host.responseMutations, host.mostSpecificWins),
      config === undefined ? [perFilter, ...host.perFilter] : [config, perFilter, ...host.perFilter],
    )
  if (action?.clusterSpecifier.case !== 'weightedClusters') {
    const cluster = action?.clusterSpecifier.case === 'cluster' ? action.clusterSpecifier.value : ''
    if (cluster !== '') host.checkCluster(cluster, `${path}.route.cluster`)
    const entry = build(cluster, '', [])
    return { matcher, entries: [entry], bounds: [], pick: () => entry }
  }
  return compileWeighted(action, matcher, routeMatch, build, host, `${path}.route.weighted_clusters`)
}

function compileWeighted(
  action: RouteAction,
  matcher: RouteMatcher,
  routeMatch: MetadataMatch | undefined,
  build: (
    cluster: string,
    clusterHost: string,
    variant: readonly (HeaderMutations | undefined)[],
    config?: PerFilterConfig,
    match?: MetadataMatch,
  ) => RouteEntry,
  host: VirtualHostContext,
  path: string,
): CompiledRoute {
  if (action.clusterSpecifier.case !== 'weightedClusters') throw invalid(path, 'missing')
  const weighted = action.clusterSpecifier.value
  onlyFields(WeightedClusterSchema, weighted, ['clusters', 'total_weight', 'runtime_key_prefix'], path)
  const entries: RouteEntry[] = []
  const bounds: number[] = []
  let total = 0
  weighted.clusters.forEach((cluster, i) => {
    const where = `${path}.clusters[${i}]`
    onlyFields(
      WeightedCluster_ClusterWeightSchema,
      cluster,
      [
        'name',
        'weight',
        'request_headers_to_add',
        'request_headers_to_remove',
        'response_headers_to_add',
        'response_headers_to_remove',
        'typed_per_filter_config',
        'host_rewrite_literal',
        'metadata_match',
      ],
      where,
    )
    if (cluster.name === '') throw invalid(`${where}.name`, 'a cluster name is missing')
    host.checkCluster(cluster.name, `${where}.name`)
    const { hostRewriteSpecifier: rewrite } = cluster
    entries.push(
      build(
        cluster.name,
        rewrite.case === 'hostRewriteLiteral' ? byteString(rewrite.value) : '',
        [
          HeaderMutations.compile(
            cluster.requestHeadersToAdd,
            cluster.requestHeadersToRemove,
            `${where}.request_headers`,
          ),
          HeaderMutations.compile(
            cluster.responseHeadersToAdd,
            cluster.responseHeadersToRemove,
            `${where}.response_headers`,
          ),
        ],
        compilePerFilter(cluster.typedPerFilterConfig, host.compilePerFilter, where),
        MetadataMatch.of(metadataJson(cluster.metadataMatch), routeMatch),
      ),
    )
    total += cluster.weight ?? 0
    bounds.push(total)
  })
  if (total === 0) throw invalid(path, 'the sum of the weights must be greater than zero')
  const pick = () => {
    const at = Math.random() * total
    for (let i = 0; i < bounds.length; i++) if (at < bounds[i]) return entries[i]
    return entries[entries.length - 1]
  }
  return { matcher, entries, bounds, pick }
}

function compileSettings(
  route: RouteProto,
  action: RouteAction | undefined,
  matcher: RouteMatcher,
  host: VirtualHostContext,
  path: string,
): RouteSettings {
  const where = `${path}.route`
  if (action !== undefined) onlyFields(RouteActionSchema, action, ACTION_FIELDS, where)
  const retryProto = action?.retryPolicy ?? host.proto.retryPolicy
  const retry = retryProto && RetryPolicy.compile(retryProto, `${where}.retry_policy`)
  const rewrite = action?.hostRewriteSpecifier
  const redirected = route.action.case === 'redirect' ? route.action.value.pathRewriteSpecifier : undefined
  const regex = redirected?.case === 'regexRewrite' ? redirected.value : action?.regexRewrite
  const maxDuration = streamDuration(action?.maxStreamDuration)
  // Envoy takes neither of the older limits from a route that has the newer one (usingNewTimeouts).
  const timeoutMs = maxDuration === undefined ? durationMs(action?.timeout, DEFAULT_TIMEOUT_MS) : 0
  const mirrors = (action?.requestMirrorPolicies ?? []).map((m, i) =>
    mirror(m, `${where}.request_mirror_policies[${i}]`),
  )
  return {
    name: route.name,
    matcher,
    routeConfigName: host.routeConfigName,
    virtualHostName: host.proto.name,
    metadata: metadataJson(route.metadata),
    virtualHostMetadata: host.metadata,
    direct: directAnswer(route, host.maxDirectBody, path),
    clusterHeader: action?.clusterSpecifier.case === 'clusterHeader' ? action.clusterSpecifier.value.toLowerCase() : '',
    clusterNotFoundCode: [503, 404, 500][action?.clusterNotFoundResponseCode ?? 0],
    limits: routeLimits(timeoutMs, retry, hedges(action?.hedgePolicy, `${where}.hedge_policy`) ?? host.hedges),
    maxGrpcTimeoutMs: maxDuration === undefined ? durationMs(action?.maxGrpcTimeout, -1) : -1,
    maxDuration,
    idleTimeoutMs: action?.idleTimeout === undefined ? undefined : durationMs(action.idleTimeout, 0),
    retry,
    hash:
      action === undefined || action.hashPolicy.length === 0
        ? undefined
        : new HashPolicy(action.hashPolicy, `${where}.hash_policy`),
    redirects:
      action?.internalRedirectPolicy &&
      new InternalRedirects(action.internalRedirectPolicy, `${where}.internal_redirect_policy`),
    mirrors: mirrors.length > 0 ? mirrors : host.mirrors,
    highPriority: action?.priority === 1,
    rateLimits: action && routeRateLimits(action, host.rateLimits, where),
    prefixRewrite: byteString(action?.prefixRewrite ?? (redirected?.case === 'prefixRewrite' ? redirected.value : '')),
    regexRewrite: regex && regexRewrite(regex, `${action === undefined ? `${path}.redirect` : where}.regex_rewrite`),
    hostRewrite: rewrite?.case === 'hostRewriteLiteral' ? byteString(rewrite.value) : '',
    autoHostRewrite: rewrite?.case === 'autoHostRewrite' && rewrite.value.value,
    hostRewriteHeader: rewrite?.case === 'hostRewriteHeader' ? rewrite.value.toLowerCase() : '',
    hostRewritePath:
      rewrite?.case === 'hostRewritePathRegex'
        ? regexRewrite(rewrite.value, `${where}.host_rewrite_path_regex`)
        : undefined,
    appendForwardedHost: action?.appendXForwardedHost ?? false,
    includeAttemptCount: host.proto.includeRequestAttemptCount,
    includeAttemptCountInResponse: host.proto.includeAttemptCountInResponse,
    tracing: routeTracing(route.decorator, route.tracing, path),
    bufferLimit: route.perRequestBufferLimitBytes ?? host.proto.perRequestBufferLimitBytes,
    upgrades: upgrades(action, where),
    endsConnect: (action?.upgradeConfigs ?? []).some((config) => config.connectConfig !== undefined),
  }
}

function routeRateLimits(action: RouteAction, host: RateLimits, path: string): RouteRateLimits | undefined {
  const own = RateLimits.ofRoute(action.rateLimits, `${path}.rate_limits`)
  return own.empty && host.empty ? undefined : new RouteRateLimits(own, host, action.includeVhRateLimits === true)
}

function regexRewrite(proto: RegexMatchAndSubstitute, path: string): RegexRewrite {
  return { regex: bytesRegex(proto.pattern, `${path}.pattern`), substitution: byteString(proto.substitution) }
}

function upgrades(action: RouteAction | undefined, path: string): ReadonlyMap<string, boolean> {
  const known = new Map<string, boolean>()
  action?.upgradeConfigs.forEach((config, i) => {
    const where = `${path}.upgrade_configs[${i}]`
    onlyFields(RouteAction_UpgradeConfigSchema, config, ['upgrade_type', 'enabled', 'connect_config'], where)
    if (config.connectConfig !== undefined) {
      if (config.upgradeType !== 'CONNECT') throw invalid(`${where}.connect_config`, 'only for upgrade_type CONNECT')
      onlyFields(RouteAction_UpgradeConfig_ConnectConfigSchema, config.connectConfig, [], `${where}.connect_config`)
    }
    const name = config.upgradeType.toLowerCase()
    if (known.has(name)) throw invalid(where, `a second one for ${config.upgradeType}`)
    known.set(name, config.enabled ?? true)
  })
  return known
}

/** Compiles one of `request_mirror_policies`. */
export function mirror(policy: RouteAction_RequestMirrorPolicy, path: string): MirrorPolicy {
  if (policy.cluster === '') throw invalid(`${path}.cluster`, 'missing')
  const part = policy.runtimeFraction?.defaultValue
  return {
    cluster: policy.cluster,
    fraction: part === undefined ? 1 : fraction(part),
    suffix: !policy.disableShadowHostSuffixAppend,
    sampled: policy.traceSampled,
  }
}

function directAnswer(route: RouteProto, maxBody: number, path: string): DirectAnswer | undefined {
  switch (route.action.case) {
    case 'route':
      return undefined
    case 'redirect':
      return redirect(route.action.value, `${path}.redirect`)
    case 'directResponse':
      return response(route.action.value, maxBody, `${path}.direct_response`)
    default:
      throw unsupported(path, 'a route needs route, redirect or direct_response')
  }
}

function response(action: DirectResponseAction, maxBody: number, path: string): DirectAnswer {
  if (action.status < 200 || action.status > 599) throw invalid(`${path}.status`, 'must be 200 to 599')
  const body = action.body === undefined ? undefined : dataSource(action.body, `${path}.body`)
  if (body !== undefined && body.length > maxBody) {
    const limit = `max_direct_response_body_size_bytes is ${maxBody}`
    throw invalid(`${path}.body`, `${body.length} bytes, where ${limit}`)
  }
  const { status } = action
  // To these Envoy adds a location, as of a redirect that changes nothing (Filter::decodeHeaders of its router).
  const located = status === 201 || (status >= 300 && status < 400)
  const location = located ? redirect(create(RedirectActionSchema), path).location : undefined
  return { status, body, location }
}

/** A weighted cluster comes first also where the most specific of the others comes last (Envoy's WeightedClusterEntry). */
function order(
  [variant, own]: readonly (HeaderMutations | undefined)[],
  host: readonly HeaderMutations[],
  mostSpecificWins: boolean,
): HeaderMutations[] {
  const others = mostSpecificWins ? [own, ...host].reverse() : [own, ...host]
  return [variant, ...others].filter((mutations) => mutations !== undefined)
}
