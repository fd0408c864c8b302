import { compilePattern } from '../schema/pattern.ts'
import { type Findings, fields, list, text } from './findings.ts'
import { checkLabels } from './selector.ts'

const LISTENER_CLASS = new Set(['LISTENER', 'FILTER_CHAIN', 'NETWORK_FILTER', 'HTTP_FILTER', 'LISTENER_FILTER'])
const ROUTE_CLASS = new Set(['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE'])
const MATCHES = ['listener', 'routeConfiguration', 'cluster', 'waypoint']
const HCM = 'envoy.filters.network.http_connection_manager'

/** Names that Envoy dropped; a match on one never fits (pkg/config/xds/deprecated.go). */
const RENAMED: Readonly<Record<string, string>> = {
  'envoy.buffer': 'envoy.filters.http.buffer',
  'envoy.client_ssl_auth': 'envoy.filters.network.client_ssl_auth',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.csrf': 'envoy.filters.http.csrf',
  'envoy.echo': 'envoy.filters.network.echo',
  'envoy.ext_authz': 'envoy.filters.http.ext_authz',
  'envoy.fault': 'envoy.filters.http.fault',
  'envoy.grpc_http1_bridge': 'envoy.filters.http.grpc_http1_bridge',
  'envoy.grpc_json_transcoder': 'envoy.filters.http.grpc_json_transcoder',
  'envoy.grpc_web': 'envoy.filters.http.grpc_web',
  'envoy.gzip': 'envoy.filters.http.gzip',
  'envoy.health_check': 'envoy.filters.http.health_check',
  'envoy.http_connection_manager': HCM,
  'envoy.ip_tagging': 'envoy.filters.http.ip_tagging',
  'envoy.listener.original_dst': 'envoy.filters.listener.original_dst',
  'envoy.listener.proxy_protocol': 'envoy.filters.listener.proxy_protocol',
  'envoy.listener.tls_inspector': 'envoy.filters.listener.tls_inspector',
  'envoy.lua': 'envoy.filters.http.lua',
  'envoy.mongo_proxy': 'envoy.filters.network.mongo_proxy',
  'envoy.ratelimit': 'envoy.filters.network.ratelimit',
  'envoy.rate_limit': 'envoy.filters.http.ratelimit',
  'envoy.redis_proxy': 'envoy.filters.network.redis_proxy',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.squash': 'envoy.filters.http.squash',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
}

/** ValidateEnvoyFilter, but for the patch's value: only the control plane knows Envoy's messages. */
export function admitEnvoyFilter(spec: Readonly<Record<string, unknown>>, found: Findings): void {
  found.warn(
    'EnvoyFilter exposes internal implementation details that may change at any time. ' +
      'Prefer other APIs if possible, and exercise extreme caution, especially around upgrades.',
  )
  if (spec['workloadSelector'] != null) {
    const before = found.warnings.length
    checkLabels(fields(fields(spec['workloadSelector'])['labels']), 'spec.workloadSelector', found)
    for (let i = before; i < found.warnings.length; i++) {
      found.warnings[i] = `Envoy filter: ${found.warnings[i]}, will be applied to all services in namespace`
    }
    if (list(spec['targetRefs']).length > 0) {
      found.error('spec', 'only one of targetRefs or workloadSelector can be set')
    }
  }
  list(spec['configPatches']).forEach((entry, i) => {
    const problem = checkPatch(entry, found)
    if (problem !== undefined) found.error(`spec.configPatches[${i}]`, `Envoy filter: ${problem}`)
  })
}

/** The first problem of a patch; what follows could not be judged without it. */
function checkPatch(entry: unknown, found: Findings): string | undefined {
  if (entry === null) return 'null config patch'
  const { applyTo, match, patch } = fields(entry)
  if (isUnset(applyTo)) return 'missing applyTo'
  if (patch == null) return 'missing patch'
  const { operation, value } = fields(patch)
  if (isUnset(operation)) return 'missing patch operation'
  if (operation !== 'REMOVE' && value == null) return 'missing patch value for non-remove operation'
  const version = text(fields(fields(match)['proxy'])['proxyVersion'])
  try {
    compilePattern(version)
  } catch (error) {
    return `invalid regex for proxy version, [${(error as Error).message}]`
  }
  return checkTarget(text(applyTo), fields(match), found)
}

function isUnset(value: unknown): boolean {
  return value == null || value === '' || value === 'INVALID'
}

function checkTarget(applyTo: string, match: Readonly<Record<string, unknown>>, found: Findings): string | undefined {
  const matched = MATCHES.filter((kind) => match[kind] != null)
  const only = (kind: string) => matched.length === 0 || matched.includes(kind)
  if (LISTENER_CLASS.has(applyTo)) {
    if (!only('listener')) return 'applyTo for listener class objects cannot have non listener match'
    return checkFilterMatch(applyTo, fields(fields(fields(match['listener'])['filterChain'])['filter']), match, found)
  }
  if (ROUTE_CLASS.has(applyTo) && !only('routeConfiguration')) {
    return 'applyTo for http route class objects cannot have non route configuration match'
  }
  if (applyTo === 'CLUSTER' && !only('cluster'))
    return 'applyTo for cluster class objects cannot have non cluster match'
  return undefined
}

function checkFilterMatch(
  applyTo: string,
  filter: Readonly<Record<string, unknown>>,
  match: Readonly<Record<string, unknown>>,
  found: Findings,
): string | undefined {
  if (fields(fields(match['listener'])['filterChain'])['filter'] == null) return undefined
  if (applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN') {
    found.warn(`Envoy filter: filter match has no effect when used with ${applyTo}`)
  }
  const name = text(filter['name'])
  if (name === '') return 'filter match has no name to match on'
  const subName = text(fields(filter['subFilter'])['name'])
  if (filter['subFilter'] != null) {
    if (applyTo !== 'HTTP_FILTER') return 'subfilter match can be used with applyTo HTTP_FILTER only'
    if (name !== HCM && RENAMED[name] !== HCM) return `subfilter match requires filter match with ${HCM}`
    if (subName === '') return 'subfilter match has no name to match on'
  }
  for (const old of [name, subName]) {
    if (Object.hasOwn(RENAMED, old)) {
      found.warn(`using deprecated filter name ${JSON.stringify(old)}; use ${JSON.stringify(RENAMED[old])} instead`)
    }
  }
  return undefined
}
