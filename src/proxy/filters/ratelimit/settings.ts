import type { RuntimeFractionalPercent } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import { ApiVersion } from '../../../../gen/envoy/config/core/v3/config_source_pb.ts'
import {
  type RateLimit,
  type RateLimitPerRoute,
  RateLimitPerRouteSchema,
  RateLimitSchema,
} from '../../../../gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import { AnswerCounters } from '../../cluster/answer-counters.ts'
import { durationMs, invalid, onlyFields, within } from '../../config/fields.ts'
import { httpStatus, refusalStatus } from '../../config/http-status.ts'
import type { FactoryContext } from '../../context.ts'
import { HeaderMutations } from '../../http/header-mutations.ts'
import { RateLimits, type Wanted } from '../../rate-limit/policy.ts'
import { fraction } from '../../route/route-match.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { GrpcMethod } from '../grpc-method.ts'
import { METHOD } from './service.ts'

/** Of the filter, and of what it leaves in the dynamic metadata unless `metadata_namespace` says otherwise. */
export const NAME = 'envoy.filters.http.ratelimit'

const PATH = 'ratelimit'
const FIELDS = [
  'domain',
  'stage',
  'request_type',
  'timeout',
  'failure_mode_deny',
  'failure_mode_deny_percent',
  'rate_limited_as_resource_exhausted',
  'rate_limit_service',
  'enable_x_ratelimit_headers',
  'enable_retry_after_header',
  'disable_x_envoy_ratelimited_header',
  'rate_limited_status',
  'response_headers_to_add',
  'status_on_error',
  'stat_prefix',
  'filter_enabled',
  'filter_enforced',
  'rate_limits',
  'metadata_namespace',
]
const ROUTE_FIELDS = ['vh_rate_limits', 'rate_limits', 'domain']

const MAX_STAGE = 10
/** Limits of a filter's own have no stages. */
export const OWN_EARLY: Wanted = { stage: 0, onStreamDone: false, keyed: true }
/** Those that are told when the stream is over (`apply_on_stream_done`). */
export const OWN_LATE: Wanted = { stage: 0, onStreamDone: true, keyed: true }
const DEFAULT_TIMEOUT_MS = 20
const RESOURCE_EXHAUSTED = 8
const REQUEST_TYPES = ['', 'both', 'internal', 'external']

/** Counted for the cluster that a request goes to. */
export interface Counters {
  readonly ok: Cell
  readonly overLimit: Cell
  readonly error: Cell
  readonly allowed: Cell
  /** Envoy counts a refusal as an answer of the cluster. */
  readonly answers: AnswerCounters
}

/** A compiled RateLimit. */
export class Settings {
  readonly domain: string
  /** Which limits of routes count before a request goes on, and which after it is over. */
  readonly early: Wanted
  readonly late: Wanted
  readonly internal: boolean
  readonly external: boolean
  readonly service: GrpcMethod
  readonly limits: RateLimits
  readonly cluster: string
  /** How many of the failures refuse the request. */
  readonly denied: number
  readonly enabled: number
  readonly enforced: number
  readonly status: number
  readonly statusOnError: number
  readonly grpcStatus: number | undefined
  readonly describe: boolean
  readonly retryAfter: boolean
  readonly mark: boolean
  readonly response: HeaderMutations | undefined
  readonly namespace: string
  readonly statsOf: (cluster: string) => StatsScope | undefined
  readonly #prefix: string
  /** By the scope of the cluster. */
  readonly #counters = new WeakMap<StatsScope, Counters>()

  constructor(config: RateLimit, context: FactoryContext) {
    onlyFields(RateLimitSchema, config, FIELDS, PATH)
    if (config.domain === '') throw invalid(`${PATH}.domain`, 'missing')
    if (!REQUEST_TYPES.includes(config.requestType))
      throw invalid(`${PATH}.request_type`, 'must be internal, external or both')
    this.domain = config.domain
    const stage = within(config.stage, 0, 0, MAX_STAGE, `${PATH}.stage`)
    this.early = { stage, onStreamDone: false, keyed: true }
    this.late = { stage, onStreamDone: true, keyed: true }
    this.internal = config.requestType !== 'external'
    this.external = config.requestType !== 'internal'
    this.service = service(config, context)
    this.limits = RateLimits.ofFilter(config.rateLimits, `${PATH}.rate_limits`)
    this.cluster = context.node.cluster
    this.denied = share(config.failureModeDenyPercent, config.failureModeDeny ? 1 : 0)
    this.enabled = share(config.filterEnabled, 1)
    this.enforced = share(config.filterEnforced, 1)
    this.status = refusalStatus(config.rateLimitedStatus, `${PATH}.rate_limited_status`)
    this.statusOnError = httpStatus(config.statusOnError, 500, `${PATH}.status_on_error`)
    this.grpcStatus = config.rateLimitedAsResourceExhausted ? RESOURCE_EXHAUSTED : undefined
    this.describe = config.enableXRatelimitHeaders === 1
    this.retryAfter = config.enableRetryAfterHeader
    this.mark = !config.disableXEnvoyRatelimitedHeader
    this.response = HeaderMutations.compile(config.responseHeadersToAdd, [], `${PATH}.response_headers`)
    this.namespace = config.metadataNamespace || NAME
    this.statsOf = (name) => context.clusters.statsOf(name)
    this.#prefix = config.statPrefix === '' ? '' : `${config.statPrefix}.`
  }

  /** Below `cluster.<name>.` */
  counters(all: StatsScope): Counters {
    let counters = this.#counters.get(all)
    if (counters === undefined) {
      const scope = all.scope(`ratelimit.${this.#prefix}`)
      counters = {
        ok: scope.counter('ok'),
        overLimit: scope.counter('over_limit'),
        error: scope.counter('error'),
        allowed: scope.counter('failure_mode_allowed'),
        answers: new AnswerCounters(all),
      }
      this.#counters.set(all, counters)
    }
    return counters
  }
}

function service({ rateLimitService: config, timeout }: RateLimit, context: FactoryContext): GrpcMethod {
  const path = `${PATH}.rate_limit_service`
  if (config?.grpcService === undefined) throw invalid(`${path}.grpc_service`, 'missing')
  if (config.transportApiVersion !== ApiVersion.V3) throw invalid(`${path}.transport_api_version`, 'must be V3')
  // As in Envoy: the filter's own timeout is what counts, not that of grpc_service.
  const timeoutMs = durationMs(timeout, DEFAULT_TIMEOUT_MS)
  return new GrpcMethod(config.grpcService, METHOD, timeoutMs, context.clusters, `${path}.grpc_service`)
}

function share(value: RuntimeFractionalPercent | undefined, absent: number): number {
  return value?.defaultValue === undefined ? absent : fraction(value.defaultValue)
}

/** A compiled RateLimitPerRoute. */
export interface RouteRule {
  readonly virtualHosts: number
  readonly limits: RateLimits
  /** '' for the filter's. */
  readonly domain: string
}

/** Compiles what a route says (RateLimitPerRoute). */
export function routeRule(config: RateLimitPerRoute): RouteRule {
  onlyFields(RateLimitPerRouteSchema, config, ROUTE_FIELDS, PATH)
  return {
    virtualHosts: config.vhRateLimits,
    limits: RateLimits.ofFilter(config.rateLimits, `${PATH}.rate_limits`),
    domain: config.domain,
  }
}
