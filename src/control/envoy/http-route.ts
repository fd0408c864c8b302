import type { KubeObject } from '../../kube/index.ts'
import { clusterName } from '../model/hosts.ts'
import type { Config } from './config.ts'
import { headerMutations } from './header-mutation.ts'
import { changes, mirrorFraction, pathRewrite, perTry, redirectAction, timeout } from './http-route-filters.ts'
import { headerMatcher, queryMatcher, type StringMatch } from './route-match.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of an HTTPRoute that the API server has checked against its CRD
type Part = Record<string, any>

/** Why a backend cannot be used; undefined when it can. */
export type BackendProblem = 'BackendNotFound' | 'InvalidKind' | 'RefNotPermitted' | 'UnsupportedProtocol'

/** What the routes of an HTTPRoute depend on beside it. */
export interface HttpRouteContext {
  readonly clusterDomain: string
  readonly checkBackend: (ref: Part, routeNamespace: string) => BackendProblem | undefined
}

/** A route with what decides its place among the others. */
export interface RankedRoute {
  readonly config: Config
  readonly rank: Rank
}

interface Rank {
  readonly exact: boolean
  readonly regex: boolean
  readonly pathLength: number
  readonly method: boolean
  readonly headers: number
  readonly query: number
  readonly createdAt: string
  readonly key: string
  readonly index: number
}

/** Translates an HTTPRoute; every rule and match makes one route. */
export function httpRouteRoutes(object: KubeObject, context: HttpRouteContext): RankedRoute[] {
  const { name, namespace = '', creationTimestamp = '' } = object.metadata
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}`
  const metadata = { filter_metadata: { istio: { config: path } } }
  const routes: RankedRoute[] = []
  let index = 0
  const rules: Part[] = object['spec']?.rules ?? []
  rules.forEach((rule, ruleIndex) => {
    const matches: Part[] = rule['matches'] ?? []
    for (const match of matches.length === 0 ? [{}] : matches) {
      const config = {
        name: `${namespace}.${name}.${rule['name'] ?? ruleIndex}`,
        match: routeMatch(match),
        metadata,
        ...ruleAction(rule, match, namespace, context),
      }
      routes.push({ config, rank: rank(match, creationTimestamp, `${namespace}/${name}`, index++) })
    }
  })
  return routes
}

/** The precedence of the Gateway API: exact, then regex (our choice), then longest prefix, method, headers, query; then age, name. */
export function byPrecedence(a: RankedRoute, b: RankedRoute): number {
  const [x, y] = [a.rank, b.rank]
  return (
    Number(y.exact) - Number(x.exact) ||
    Number(y.regex) - Number(x.regex) ||
    y.pathLength - x.pathLength ||
    Number(y.method) - Number(x.method) ||
    y.headers - x.headers ||
    y.query - x.query ||
    order(x.createdAt, y.createdAt) ||
    order(x.key, y.key) ||
    x.index - y.index
  )
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function rank(match: Part, createdAt: string, key: string, index: number): Rank {
  const { type = 'PathPrefix', value = '/' } = match['path'] ?? {}
  return {
    exact: type === 'Exact',
    regex: type === 'RegularExpression',
    pathLength: value.length,
    method: match['method'] !== undefined,
    headers: (match['headers'] ?? []).length,
    query: (match['queryParams'] ?? []).length,
    createdAt,
    key,
    index,
  }
}

function routeMatch(match: Part): Config {
  const headers = (match['headers'] ?? []).map((header: Part) => headerMatcher(header['name'], valueMatch(header)))
  if (match['method'] !== undefined) headers.push(headerMatcher(':method', { exact: match['method'] }))
  const query = (match['queryParams'] ?? []).map((param: Part) => queryMatcher(param['name'], valueMatch(param)))
  return {
    ...pathMatch(match['path']),
    headers: headers.length === 0 ? undefined : headers,
    query_parameters: query.length === 0 ? undefined : query,
  }
}

function valueMatch(part: Part): StringMatch {
  return part['type'] === 'RegularExpression' ? { regex: part['value'] } : { exact: part['value'] }
}

function pathMatch(path: Part | undefined): Config {
  const { type = 'PathPrefix', value = '/' } = path ?? {}
  if (type === 'Exact') return { path: value }
  if (type === 'RegularExpression') return { safe_regex: { regex: value } }
  // Envoy wants the prefix without its last slash; "/foo/" and "/foo" are the same to the Gateway API.
  const prefix = value.replace(/\/+$/, '')
  return prefix === '' ? { prefix: '/' } : { path_separated_prefix: prefix }
}

function ruleAction(rule: Part, match: Part, namespace: string, context: HttpRouteContext): Config {
  const filters: Part[] = rule['filters'] ?? []
  const headers = headerMutations(
    changes(filters, 'RequestHeaderModifier', 'requestHeaderModifier'),
    changes(filters, 'ResponseHeaderModifier', 'responseHeaderModifier'),
  )
  const redirect = filters.find((filter) => filter['type'] === 'RequestRedirect')
  if (redirect !== undefined) return { redirect: redirectAction(redirect['requestRedirect'], match), ...headers }
  const backends: Part[] = rule['backendRefs'] ?? []
  const weighted = backends.filter((backend) => (backend['weight'] ?? 1) > 0)
  // No backend at all, or none with weight: 500, as the API asks.
  if (weighted.length === 0) return { direct_response: { status: 500 }, ...headers }
  const clusters = weighted.map((backend) => ({
    name: backendCluster(backend, namespace, context),
    weight: backend['weight'] ?? 1,
    ...headerMutations(
      changes(backend['filters'] ?? [], 'RequestHeaderModifier', 'requestHeaderModifier'),
      changes(backend['filters'] ?? [], 'ResponseHeaderModifier', 'responseHeaderModifier'),
    ),
  }))
  const unusable = clusters.every((cluster) => cluster.name === INVALID_CLUSTER)
  if (unusable) return { direct_response: { status: 500 }, ...headers }
  const rewrite = filters.find((filter) => filter['type'] === 'URLRewrite')?.['urlRewrite']
  const route = {
    ...(clusters.length === 1 && Object.keys(clusters[0]).length === 2
      ? { cluster: clusters[0].name }
      : { weighted_clusters: { clusters } }),
    cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR',
    timeout: timeout(rule['timeouts']),
    retry_policy: perTry(rule['timeouts']),
    host_rewrite_literal: rewrite?.hostname,
    ...pathRewrite(rewrite?.path, match),
    request_mirror_policies: mirrors(filters, namespace, context),
  }
  return { route, ...headers }
}

/** A name that no cluster has: part of the traffic of a bad backend's weight gets 500. */
const INVALID_CLUSTER = 'UnknownService'

function backendCluster(backend: Part, namespace: string, context: HttpRouteContext): string {
  if (context.checkBackend(backend, namespace) !== undefined) return INVALID_CLUSTER
  const host = `${backend['name']}.${backend['namespace'] ?? namespace}.svc.${context.clusterDomain}`
  return clusterName(backend['port'], '', host)
}

function mirrors(filters: Part[], namespace: string, context: HttpRouteContext): Config[] | undefined {
  const list = filters
    .filter((filter) => filter['type'] === 'RequestMirror')
    .map((filter) => filter['requestMirror'])
    .filter((mirror) => context.checkBackend(mirror.backendRef, namespace) === undefined)
    .map((mirror) => ({
      cluster: backendCluster(mirror.backendRef, namespace, context),
      runtime_fraction: mirrorFraction(mirror),
    }))
  return list.length === 0 ? undefined : list
}
