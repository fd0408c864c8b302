import { LocalRateLimitSchema } from '../../../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid } from '../../config/fields.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../../http/filter.ts'
import { ResponseFlag } from '../../http/stream-info.ts'
import type { TokenBucket } from '../../rate-limit/token-bucket.ts'
import { SharedCells, sharedMemoryForCells } from '../../shared-cells.ts'
import { Settings } from './settings.ts'

/** `envoy.filters.http.local_ratelimit`: token buckets, which all workers share. */
export const localRateLimit: HttpFilterFactory<typeof LocalRateLimitSchema, typeof LocalRateLimitSchema> = {
  name: 'envoy.filters.http.local_ratelimit',
  configType: LocalRateLimitSchema,
  routeConfigType: LocalRateLimitSchema,
  prepare: async () => sharedMemoryForCells(),
  create(config, context) {
    const settings = new Settings(config, context, new SharedCells(context.prepared as SharedArrayBuffer | undefined))
    return { createFilter: (callbacks) => new LocalRateLimitFilter(callbacks, settings) }
  },
  createRouteConfig(config, context) {
    if (config.tokenBucket === undefined) throw invalid('local_ratelimit.token_bucket', 'missing for this route')
    return new Settings(config, context, context.prepared as SharedCells)
  },
}

/** As Envoy: other answers do not say when to come again. */
const TOO_MANY_REQUESTS = 429

class LocalRateLimitFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #settings: Settings
  #bucket: TokenBucket | undefined
  #describe = false
  #limited = false

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
    const { counters } = settings
    counters.enabled.value++
    const outcome = settings.limiter(info.connection).ask(settings.descriptors(info))
    this.#bucket = outcome.bucket
    this.#describe = outcome.describe ?? settings.describe
    if (outcome.allowed) {
      counters.ok.value++
      return FilterHeadersStatus.Continue
    }
    counters.limited.value++
    if (outcome.shadow) {
      counters.shadow.value++
      return FilterHeadersStatus.Continue
    }
    if (Math.random() >= settings.enforced) {
      settings.notEnforced?.apply(headers, info)
      return FilterHeadersStatus.Continue
    }
    counters.enforced.value++
    this.#limited = true
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
    if (bucket === undefined) return FilterHeadersStatus.Continue
    if (this.#describe) {
      headers.add('x-ratelimit-limit', String(bucket.settings.max))
      headers.add('x-ratelimit-remaining', String(bucket.remaining))
      headers.add('x-ratelimit-reset', String(bucket.resetSeconds))
    }
    if (this.#limited && this.#settings.retryAfter && this.#settings.status === TOO_MANY_REQUESTS)
      headers.add('retry-after', String(Math.max(1, bucket.resetSeconds)))
    return FilterHeadersStatus.Continue
  }
}
