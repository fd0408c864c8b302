import { durationMs, protoDuration } from '../model/duration.ts'
import { clusterName, fqdn } from '../model/hosts.ts'
import type { Service } from '../model/services.ts'
import { type Config, envoyType } from './config.ts'
import { type HeaderChanges, headerMutations } from './header-mutation.ts'
import { corsPolicy } from './virtual-service-match.ts'

// biome-ignore lint/suspicious/noExplicitAny: an HTTPRoute of a VirtualService that the API server has checked against its CRD
type HttpRoute = Record<string, any>

/** What resolving a destination needs. */
export interface DestinationContext {
  readonly namespace: string
  readonly clusterDomain: string
  readonly service: (host: string) => Service | undefined
  /** The port of the gateway's server, for a destination without one whose service has several. */
  readonly serverPort: number
}

const PREVIOUS_HOSTS = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typed_config: { '@type': envoyType('extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate') },
}

/** Istio's retries where the user says nothing: only what certainly reached no application. */
const DEFAULT_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled'
const DEFAULT_RETRIES = 2

/** The action of an HTTP route and what belongs beside it: header changes, per-filter configs. */
export function routeAction(http: HttpRoute, context: DestinationContext): Config {
  const perFilter = perFilterConfig(http)
  const headers = headerMutations(changes(http['headers']?.request), changes(http['headers']?.response))
  if (http['redirect'] != null) return { redirect: redirect(http['redirect']), ...headers, ...perFilter }
  if (http['directResponse'] != null) {
    return { direct_response: directResponse(http['directResponse']), ...headers, ...perFilter }
  }
  return { ...forward(http, context), ...perFilter }
}

function forward(http: HttpRoute, context: DestinationContext): Config {
  const destinations: HttpRoute[] = http['route'] ?? []
  const request = changes(http['headers']?.request)
  const response = changes(http['headers']?.response)
  const common = {
    timeout: (http['timeout'] === undefined ? undefined : protoDuration(http['timeout'])) ?? '0s',
    retry_policy: retryPolicy(http['retries']),
    prefix_rewrite: http['rewrite']?.uri,
    regex_rewrite: regexRewrite(http['rewrite']?.uriRegexRewrite),
    host_rewrite_literal: http['rewrite']?.authority,
    request_mirror_policies: mirrors(http, context),
  }
  if (destinations.length === 1) {
    const [only] = destinations
    const merged = headerMutations(
      merge(request, changes(only['headers']?.request)),
      merge(response, changes(only['headers']?.response)),
    )
    return { route: { cluster: destinationCluster(only['destination'], context), ...common }, ...merged }
  }
  const clusters = destinations.map((destination) => ({
    name: destinationCluster(destination['destination'], context),
    weight: destination['weight'] ?? 0,
    ...headerMutations(changes(destination['headers']?.request), changes(destination['headers']?.response)),
  }))
  return { route: { weighted_clusters: { clusters }, ...common }, ...headerMutations(request, response) }
}

/** The name of the cluster that a Destination means. */
function destinationCluster(destination: HttpRoute, context: DestinationContext): string {
  const host = fqdn(destination['host'], context.namespace, context.clusterDomain)
  const ports = context.service(host)?.ports ?? []
  const port = destination['port']?.number ?? (ports.length === 1 ? ports[0].port : context.serverPort)
  return clusterName(port, destination['subset'] ?? '', host)
}

function changes(operations: HttpRoute | undefined): HeaderChanges | undefined {
  return operations == null ? undefined : (operations as HeaderChanges)
}

function merge(a: HeaderChanges | undefined, b: HeaderChanges | undefined): HeaderChanges | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return {
    set: { ...a.set, ...b.set },
    add: { ...a.add, ...b.add },
    remove: [...(a.remove ?? []), ...(b.remove ?? [])],
  }
}

function retryPolicy(retries: HttpRoute | undefined): Config | undefined {
  const attempts = retries?.['attempts'] ?? DEFAULT_RETRIES
  if (attempts === 0) return undefined
  const words = (retries?.['retryOn'] ?? DEFAULT_RETRY_ON).split(',').map((word: string) => word.trim())
  const codes = words.filter((word: string) => /^\d{3}$/.test(word)).map(Number)
  const conditions = words.filter((word: string) => word !== '' && !/^\d{3}$/.test(word))
  if (codes.length > 0 && !conditions.includes('retriable-status-codes')) conditions.push('retriable-status-codes')
  return {
    num_retries: attempts,
    retry_on: conditions.join(','),
    retriable_status_codes: codes.length === 0 ? undefined : codes,
    per_try_timeout: retries?.['perTryTimeout'] === undefined ? undefined : protoDuration(retries['perTryTimeout']),
    retry_back_off:
      retries?.['backoff'] === undefined ? undefined : { base_interval: protoDuration(retries['backoff']) },
    retry_host_predicate: [PREVIOUS_HOSTS],
    host_selection_retry_max_attempts: '5',
  }
}

function regexRewrite(rewrite: HttpRoute | undefined): Config | undefined {
  if (rewrite == null) return undefined
  return { pattern: { regex: rewrite['match'] }, substitution: rewrite['rewrite'] }
}

function mirrors(http: HttpRoute, context: DestinationContext): Config[] | undefined {
  const list: Config[] = []
  if (http['mirror'] != null) {
    list.push({
      cluster: destinationCluster(http['mirror'], context),
      runtime_fraction: runtimeFraction(http['mirrorPercentage']),
    })
  }
  for (const mirror of http['mirrors'] ?? []) {
    list.push({
      cluster: destinationCluster(mirror['destination'], context),
      runtime_fraction: runtimeFraction(mirror['percentage']),
    })
  }
  return list.length === 0 ? undefined : list
}

function runtimeFraction(percentage: { value?: number } | undefined): Config | undefined {
  return percentage === undefined ? undefined : { default_value: fraction(percentage) }
}

/** No percentage means all; Envoy counts in millionths. */
function fraction(percentage: { value?: number } | undefined): Config {
  return { numerator: Math.round((percentage?.value ?? 100) * 10_000), denominator: 'MILLION' }
}

const REDIRECT_CODE: Record<number, string> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
}

function redirect(redirect: HttpRoute): Config {
  const prefix = redirect['uriPrefix'] as string | undefined
  return {
    host_redirect: redirect['authority'],
    path_redirect: prefix === undefined ? redirect['uri'] : undefined,
    prefix_rewrite: prefix,
    scheme_redirect: redirect['scheme'],
    port_redirect: redirect['port'],
    response_code: REDIRECT_CODE[redirect['redirectCode'] ?? 301],
  }
}

function directResponse(direct: HttpRoute): Config {
  const { string, bytes } = direct['body'] ?? {}
  const body =
    string !== undefined ? { inline_string: string } : bytes !== undefined ? { inline_bytes: bytes } : undefined
  return { status: direct['status'], body }
}

function perFilterConfig(http: HttpRoute): Config {
  const configs: Config = {}
  if (http['fault'] != null) {
    configs['envoy.filters.http.fault'] = {
      '@type': envoyType('extensions.filters.http.fault.v3.HTTPFault'),
      ...fault(http['fault']),
    }
  }
  if (http['corsPolicy'] != null) {
    configs['envoy.filters.http.cors'] = {
      '@type': envoyType('extensions.filters.http.cors.v3.CorsPolicy'),
      ...corsPolicy(http['corsPolicy']),
    }
  }
  return Object.keys(configs).length === 0 ? {} : { typed_per_filter_config: configs }
}

function fault(fault: HttpRoute): Config {
  const { delay, abort } = fault
  const delayMs = delay?.fixedDelay === undefined ? undefined : durationMs(delay.fixedDelay)
  return {
    delay:
      delayMs === undefined
        ? undefined
        : { fixed_delay: `${delayMs / 1000}s`, percentage: fraction(delay.percentage ?? legacyPercent(delay.percent)) },
    abort:
      abort == null
        ? undefined
        : {
            http_status: abort.httpStatus,
            grpc_status: grpcStatus(abort.grpcStatus),
            percentage: fraction(abort.percentage),
          },
  }
}

function legacyPercent(percent: number | undefined): { value: number } | undefined {
  return percent === undefined ? undefined : { value: percent }
}

const GRPC_STATUS = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

function grpcStatus(name: string | undefined): number | undefined {
  return name === undefined ? undefined : GRPC_STATUS.indexOf(name)
}
