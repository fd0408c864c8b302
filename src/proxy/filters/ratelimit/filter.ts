import type { HeaderValue } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import {
  RateLimitPerRouteSchema,
  RateLimitSchema,
} from '../../../../gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts'
import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse,
} from '../../../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { AsyncStream, CallSpan } from '../../cluster/async-client.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../../http/filter.ts'
import { ResponseFlag, type StreamInfo } from '../../http/stream-info.ts'
import type { Descriptor } from '../../rate-limit/descriptor.ts'
import type { RateLimits } from '../../rate-limit/policy.ts'
import { VirtualHostLimits } from '../../rate-limit/route-limits.ts'
import { rateLimitHeaders, retryAfter } from './headers.ts'
import { decision, question } from './service.ts'
import { type Counters, NAME, OWN_EARLY, OWN_LATE, type RouteRule, routeRule, Settings } from './settings.ts'

const TOO_MANY_REQUESTS = 429

/** `envoy.filters.http.ratelimit`: a rate limit service decides, for all proxies together. */
export const rateLimit: HttpFilterFactory<typeof RateLimitSchema, typeof RateLimitPerRouteSchema> = {
  name: NAME,
  configType: RateLimitSchema,
  routeConfigType: RateLimitPerRouteSchema,
  create(config, context) {
    const settings = new Settings(config, context)
    return { createFilter: (callbacks) => new RateLimitFilter(callbacks, settings) }
  },
  createRouteConfig: (config) => routeRule(config),
}

class RateLimitFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  #applies = false
  #rule: RouteRule | undefined
  #counters: Counters | undefined
  #call: AsyncStream | undefined
  #response: [name: string, value: string][] = []

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const settings = this.#settings
    const callbacks = this.#callbacks
    if (Math.random() >= settings.enabled) return FilterHeadersStatus.Continue
    if (!(headers.get('x-envoy-internal') === 'true' ? settings.internal : settings.external))
      return FilterHeadersStatus.Continue
    const cluster = callbacks.routeCluster()
    const stats = settings.statsOf(cluster)
    if (stats === undefined) return FilterHeadersStatus.Continue
    this.#applies = true
    this.#rule = callbacks.routeConfig<RouteRule>()
    const info = callbacks.streamInfo
    const descriptors = this.#descriptors(info, false)
    if (descriptors.length === 0) return FilterHeadersStatus.Continue
    this.#counters = settings.counters(stats)
    this.#call = settings.service.call(this.#question(descriptors), info, callbacks, (message, span) => {
      this.#call = undefined
      this.#decide(decision(message), descriptors, span)
    })
    return FilterHeadersStatus.StopAllIterationAndWatermark
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    for (const [name, value] of this.#response) headers.add(name, value)
    return FilterHeadersStatus.Continue
  }

  /** What is counted once it is over is told to the service, whose answer nobody waits for. */
  onLog(info: StreamInfo): void {
    if (!this.#applies || !(this.#ownLimits() ?? info.route?.rateLimits)?.late) return
    const descriptors = this.#descriptors(info, true)
    if (descriptors.length > 0) this.#settings.service.call(this.#question(descriptors), info, undefined, () => {})
  }

  onDestroy(): void {
    this.#call?.reset()
  }

  #question(descriptors: readonly Descriptor[]): Uint8Array {
    return question(this.#rule?.domain || this.#settings.domain, descriptors)
  }

  /** Of the route's own configuration of this filter, else of the filter; undefined: those of the route count. */
  #ownLimits(): RateLimits | undefined {
    const { limits } = this.#settings
    const own = this.#rule === undefined || this.#rule.limits.empty ? limits : this.#rule.limits
    return own.empty ? undefined : own
  }

  #descriptors(info: StreamInfo, late: boolean): readonly Descriptor[] {
    const settings = this.#settings
    const found: Descriptor[] = []
    const own = this.#ownLimits()
    if (own !== undefined) own.collect(late ? OWN_LATE : OWN_EARLY, info, settings.cluster, found)
    else {
      const option = this.#rule?.virtualHosts ?? VirtualHostLimits.OVERRIDE
      info.route?.rateLimits?.collect(option, late ? settings.late : settings.early, info, settings.cluster, found)
    }
    return found
  }

  #decide(said: RateLimitResponse | undefined, descriptors: readonly Descriptor[], span: CallSpan | undefined): void {
    const { namespace, describe, mark } = this.#settings
    const counters = this.#counters as Counters
    const callbacks = this.#callbacks
    if (said === undefined) {
      this.#fail(counters)
      return
    }
    const { overallCode, responseHeadersToAdd, dynamicMetadata, statuses } = said
    const over = overallCode === Code.OVER_LIMIT
    span?.tag('ratelimit_status', over ? 'over_limit' : 'ok')
    if (over) {
      counters.overLimit.value++
      counters.answers.given(TOO_MANY_REQUESTS, true)
    } else counters.ok.value++
    if (dynamicMetadata !== undefined && Object.keys(dynamicMetadata).length > 0)
      callbacks.streamInfo.setDynamicMetadata(namespace, { ...dynamicMetadata })
    this.#response.push(...pairs(responseHeadersToAdd), ...rateLimitHeaders(statuses, descriptors, describe))
    if (over && mark) this.#response.push(['x-envoy-ratelimited', 'true'])
    if (over && Math.random() < this.#settings.enforced) {
      this.#refuse(said)
      return
    }
    for (const [name, value] of pairs(said.requestHeadersToAdd))
      if (name !== 'host') callbacks.requestHeaders.add(name, value)
    callbacks.continueDecoding()
  }

  #fail(counters: Counters): void {
    const { denied, statusOnError } = this.#settings
    const callbacks = this.#callbacks
    counters.error.value++
    if (Math.random() >= denied) {
      counters.allowed.value++
      callbacks.continueDecoding()
      return
    }
    callbacks.streamInfo.responseFlags |= ResponseFlag.RateLimitServiceError
    callbacks.sendLocalReply(statusOnError, '', { details: 'rate_limiter_error' })
  }

  #refuse({ rawBody, statuses }: RateLimitResponse): void {
    const { status, grpcStatus, response } = this.#settings
    const callbacks = this.#callbacks
    const info = callbacks.streamInfo
    const added = this.#response
    // They are added here, as the service's content type stands in place of the reply's.
    this.#response = []
    const wait = this.#settings.retryAfter && status === TOO_MANY_REQUESTS ? retryAfter(statuses) : undefined
    if (wait !== undefined) added.push(['retry-after', wait])
    info.responseFlags |= ResponseFlag.RateLimited
    callbacks.sendLocalReply(status, Buffer.from(rawBody).latin1Slice(), {
      details: 'request_rate_limited',
      modifyHeaders: (reply) => {
        if (added.some(([name]) => name === 'content-type')) reply.remove('content-type')
        for (const [name, value] of added) reply.add(name, value)
        response?.apply(reply, info)
      },
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
    })
  }
}

/** Added to a message they cannot change its pseudo headers, which may stand there once. */
function pairs(headers: readonly HeaderValue[]): [name: string, value: string][] {
  return headers
    .filter(({ key }) => !key.startsWith(':'))
    .map(({ key, value }) => [key.toLowerCase(), byteString(value)])
}
