import {
  type Route,
  type VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { asciiLower, byteString, textOf } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { metadataJson } from '../config/any.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { HeaderMutations } from '../http/header-mutations.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { RateLimits } from '../rate-limit/policy.ts'
import { type CompiledRoute, compileRoute, mirror, type VirtualHostContext } from './compile-route.ts'
import { hedges } from './hedge-policy.ts'
import { compilePerFilter, type RouteConfigCompiler } from './per-filter-config.ts'
import type { RouteEntry } from './route-entry.ts'
import { type RouteTree, routeTree } from './route-tree.ts'
import { needsTls, TLS_REDIRECT } from './tls-redirect.ts'

interface VirtualHostRoutes {
  readonly name: string
  readonly routes: readonly CompiledRoute[]
  /** `matcher`, which says among which routes that of a request is. */
  readonly tree: RouteTree | undefined
  readonly requireTls: VirtualHost_TlsRequirementType
}

const CONFIG_FIELDS = [
  'name',
  'virtual_hosts',
  'internal_only_headers',
  'response_headers_to_add',
  'response_headers_to_remove',
  'request_headers_to_add',
  'request_headers_to_remove',
  'most_specific_header_mutations_wins',
  'validate_clusters',
  'max_direct_response_body_size_bytes',
  'request_mirror_policies',
  'ignore_port_in_host_matching',
  'typed_per_filter_config',
  'metadata',
]

const HOST_FIELDS = [
  'name',
  'domains',
  'routes',
  'matcher',
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
  'typed_per_filter_config',
  'include_request_attempt_count',
  'include_attempt_count_in_response',
  'retry_policy',
  'hedge_policy',
  'per_request_buffer_limit_bytes',
  'request_mirror_policies',
  'metadata',
  'require_tls',
  'rate_limits',
]

/** Envoy's default: what is answered directly is kept in memory once for each worker. */
const MAX_DIRECT_BODY = 4096

/** A compiled RouteConfiguration. */
export class RouteTable {
  readonly name: string
  readonly #exact = new Map<string, VirtualHostRoutes>()
  /** `*.example.com` by `.example.com`, longest first; and `www.*` by `www.`. */
  readonly #suffixes: (readonly [string, VirtualHostRoutes])[] = []
  readonly #prefixes: (readonly [string, VirtualHostRoutes])[] = []
  #any: VirtualHostRoutes | undefined
  /** The one virtual host when it takes every domain: the usual gateway. */
  readonly #only: VirtualHostRoutes | undefined
  readonly #ignorePort: boolean
  readonly hasDisables: boolean
  readonly internalOnlyHeaders: readonly string[]

  /** `hasCluster` is asked where `validate_clusters` is on. */
  constructor(
    config: RouteConfiguration,
    compile: RouteConfigCompiler,
    path = `route_config "${config.name}"`,
    hasCluster: (name: string) => boolean = () => true,
  ) {
    onlyFields(RouteConfigurationSchema, config, CONFIG_FIELDS, path)
    this.name = config.name
    this.#ignorePort = config.ignorePortInHostMatching
    this.internalOnlyHeaders = config.internalOnlyHeaders.map((name) => name.toLowerCase())
    const checkCluster = (name: string, where: string) => {
      if (config.validateClusters === true && !hasCluster(name)) throw invalid(where, `there is no cluster "${name}"`)
    }
    let disables = false
    config.virtualHosts.forEach((host, i) => {
      const where = `${path}.virtual_hosts[${i}]`
      onlyFields(VirtualHostSchema, host, HOST_FIELDS, where)
      if (host.name === '') throw invalid(`${where}.name`, 'a name is missing')
      // Envoy looks for no clusters of routes in a tree.
      const check = host.matcher === undefined ? checkCluster : () => {}
      const context = hostContext(config, i, compile, check, where, path)
      if (host.matcher !== undefined && host.routes.length > 0)
        throw invalid(`${where}.matcher`, 'stands beside routes')
      const compileOne = (route: Route, place: string) => {
        const one = compileRoute(route, context, place)
        disables ||= one.entries.some((entry) => entry.hasDisables)
        return one
      }
      const routes = host.routes.map((route, j) => compileOne(route, `${where}.routes[${j}]`))
      const tree = host.matcher && routeTree(host.matcher, `${where}.matcher`, compileOne)
      const compiled = { name: host.name, routes, tree, requireTls: host.requireTls }
      if (host.domains.length === 0) throw invalid(`${where}.domains`, 'at least one domain is needed')
      for (const domain of host.domains) this.#addDomain(asciiLower(byteString(domain)), compiled, where)
    })
    this.#suffixes.sort((a, b) => b[0].length - a[0].length)
    this.#prefixes.sort((a, b) => b[0].length - a[0].length)
    const wild = this.#suffixes.length + this.#prefixes.length + this.#exact.size === 0
    this.#only = wild ? this.#any : undefined
    this.hasDisables = disables
  }

  match(headers: HeaderMap, info?: StreamInfo): RouteEntry | undefined {
    const host = this.#only ?? this.#virtualHost(headers.get(':authority') ?? '')
    if (host === undefined) return undefined
    if (host.requireTls !== 0 && needsTls(host.requireTls, headers)) return TLS_REDIRECT
    const path = headers.get(':path') ?? ''
    const routes = host.tree === undefined ? host.routes : host.tree({ headers, info })
    if (routes === undefined) return undefined
    for (let i = 0; i < routes.length; i++) {
      if (routes[i].matcher.matches(path, headers, info)) return routes[i].pick(headers)
    }
    return undefined
  }

  #virtualHost(authority: string): VirtualHostRoutes | undefined {
    let name = asciiLower(authority)
    if (this.#ignorePort) {
      const colon = name.lastIndexOf(':')
      if (colon !== -1 && !name.endsWith(']')) name = name.slice(0, colon)
    }
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    // A wildcard stands for at least one character.
    for (const [suffix, host] of this.#suffixes) if (name.length > suffix.length && name.endsWith(suffix)) return host
    for (const [prefix, host] of this.#prefixes) if (name.length > prefix.length && name.startsWith(prefix)) return host
    return this.#any
  }

  #addDomain(domain: string, host: VirtualHostRoutes, path: string): void {
    if (domain === '*') {
      if (this.#any !== undefined) throw invalid(path, 'only a single wildcard domain is permitted')
      this.#any = host
    } else if (domain.startsWith('*')) this.#suffixes.push([domain.slice(1), host])
    else if (domain.endsWith('*')) this.#prefixes.push([domain.slice(0, -1), host])
    else {
      if (this.#exact.has(domain)) throw invalid(path, `the domain ${textOf(domain)} stands in two virtual hosts`)
      this.#exact.set(domain, host)
    }
  }
}

function hostContext(
  config: RouteConfiguration,
  index: number,
  compile: RouteConfigCompiler,
  checkCluster: VirtualHostContext['checkCluster'],
  where: string,
  path: string,
): VirtualHostContext {
  const host = config.virtualHosts[index]
  const present = (list: (HeaderMutations | undefined)[]) => list.filter((m) => m !== undefined)
  const mirrors = host.requestMirrorPolicies.length > 0 ? host.requestMirrorPolicies : config.requestMirrorPolicies
  return {
    proto: host,
    routeConfigName: config.name,
    metadata: metadataJson(host.metadata),
    requestMutations: present([
      HeaderMutations.compile(host.requestHeadersToAdd, host.requestHeadersToRemove, `${where}.request_headers`),
      HeaderMutations.compile(config.requestHeadersToAdd, config.requestHeadersToRemove, `${path}.request_headers`),
    ]),
    responseMutations: present([
      HeaderMutations.compile(host.responseHeadersToAdd, host.responseHeadersToRemove, `${where}.response_headers`),
      HeaderMutations.compile(config.responseHeadersToAdd, config.responseHeadersToRemove, `${path}.response_headers`),
    ]),
    mostSpecificWins: config.mostSpecificHeaderMutationsWins,
    perFilter: [
      compilePerFilter(host.typedPerFilterConfig, compile, where),
      compilePerFilter(config.typedPerFilterConfig, compile, path),
    ],
    mirrors: mirrors.map((m, i) => mirror(m, `${where}.request_mirror_policies[${i}]`)),
    rateLimits: RateLimits.ofRoute(host.rateLimits, `${where}.rate_limits`),
    hedges: hedges(host.hedgePolicy, `${where}.hedge_policy`) ?? false,
    maxDirectBody: config.maxDirectResponseBodySizeBytes ?? MAX_DIRECT_BODY,
    checkCluster,
    compilePerFilter: compile,
  }
}
