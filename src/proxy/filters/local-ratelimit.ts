/** `envoy.filters.http.local_ratelimit`, without descriptors. Buckets are per worker, each with its share of the tokens. */
import {
  type LocalRateLimit,
  LocalRateLimitSchema,
} from '../../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { onlyFields } from '../config/fields.ts'
import type { FactoryContext } from '../context.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { HeaderMutations } from '../http/header-mutations.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { fraction } from '../route/route-match.ts'
import { TokenBucket } from './token-bucket.ts'

const FIELDS = [
  'stat_prefix',
  'status',
  'token_bucket',
  'filter_enabled',
  'filter_enforced',
  'request_headers_to_add_when_not_enforced',
  'response_headers_to_add',
  'enable_x_ratelimit_headers',
  'local_rate_limit_per_downstream_connection',
  'rate_limited_as_resource_exhausted',
]

class Settings {
  readonly bucket: TokenBucket | undefined
  readonly perConnection: WeakMap<object, TokenBucket> | undefined
  readonly status: number
  readonly enabled: number
  readonly enforced: number
  readonly notEnforced: HeaderMutations | undefined
  readonly response: HeaderMutations | undefined
  readonly describe: boolean
  readonly grpcStatus: number | undefined
  readonly counters
  readonly #config: LocalRateLimit

  constructor(config: LocalRateLimit, context: FactoryContext) {
    const path = 'local_ratelimit'
    onlyFields(LocalRateLimitSchema, config, FIELDS, path)
    this.#config = config
    this.bucket = config.tokenBucket && new TokenBucket(config.tokenBucket, `${path}.token_bucket`)
    this.perConnection = config.localRateLimitPerDownstreamConnection ? new WeakMap() : undefined
    this.status = (config.status?.code ?? 0) >= 400 ? (config.status?.code as number) : 429
    // Both are off when they are not set, as in Envoy.
    const share = (value: LocalRateLimit['filterEnabled']) =>
      value?.defaultValue === undefined ? 0 : fraction(value.defaultValue)
    this.enabled = share(config.filterEnabled)
    this.enforced = share(config.filterEnforced)
    this.notEnforced = HeaderMutations.compile(config.requestHeadersToAddWhenNotEnforced, [], `${path}.request_headers`)
    this.response = HeaderMutations.compile(config.responseHeadersToAdd, [], `${path}.response_headers`)
    this.describe = config.enableXRatelimitHeaders === 1
    this.grpcStatus = config.rateLimitedAsResourceExhausted ? 8 : undefined
    const scope = context.stats.scope(`${config.statPrefix}.http_local_rate_limit.`)
    this.counters = {
      enabled: scope.counter('enabled'),
      ok: scope.counter('ok'),
      limited: scope.counter('rate_limited'),
      enforced: scope.counter('enforced'),
    }
  }

  bucketFor(connection: object): TokenBucket | undefined {
    if (this.perConnection === undefined || this.bucket === undefined) return this.bucket
    let bucket = this.perConnection.get(connection)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#config.tokenBucket as NonNullable<LocalRateLimit['tokenBucket']>, 'token_bucket')
      this.perConnection.set(connection, bucket)
    }
    return bucket
  }
}

export const localRateLimit: HttpFilterFactory<typeof LocalRateLimitSchema, typeof LocalRateLimitSchema> = {
  name: 'envoy.filters.http.local_ratelimit',
  configType: LocalRateLimitSchema,
  routeConfigType: LocalRateLimitSchema,
  create(config, context) {
    const settings = new Settings(config, context)
    return { createFilter: (callbacks) => new LocalRateLimitFilter(callbacks, settings) }
  },
  createRouteConfig: (config, context) => new Settings(config, context),
}

class LocalRateLimitFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #settings: Settings
  #bucket: TokenBucket | undefined

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const callbacks = this.#callbacks
    const settings = callbacks.routeConfig<Settings>() ?? this.#settings
    this.#settings = settings
    const info = callbacks.streamInfo
    if (Math.random() >= settings.enabled) return FilterHeadersStatus.Continue
    settings.counters.enabled.value++
    const bucket = settings.bucketFor(info.connection)
    this.#bucket = bucket
    if (bucket === undefined || bucket.take()) {
      settings.counters.ok.value++
      return FilterHeadersStatus.Continue
    }
    settings.counters.limited.value++
    if (Math.random() >= settings.enforced) {
      settings.notEnforced?.apply(headers, info)
      return FilterHeadersStatus.Continue
    }
    settings.counters.enforced.value++
    info.responseFlags |= ResponseFlag.RateLimited
    callbacks.sendLocalReply(settings.status, 'local_rate_limited', {
      details: 'local_rate_limited',
      modifyHeaders: (reply) => settings.response?.apply(reply, info),
      ...(settings.grpcStatus === undefined ? {} : { grpcStatus: settings.grpcStatus }),
    })
    return FilterHeadersStatus.StopIteration
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const bucket = this.#bucket
    if (bucket === undefined || !this.#settings.describe) return FilterHeadersStatus.Continue
    headers.set('x-ratelimit-limit', String(bucket.max))
    headers.set('x-ratelimit-remaining', String(bucket.remaining))
    headers.set('x-ratelimit-reset', String(bucket.resetSeconds))
    return FilterHeadersStatus.Continue
  }
}
