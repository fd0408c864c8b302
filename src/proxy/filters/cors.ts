/** `envoy.filters.http.cors`: answers preflight requests and marks responses, by the policy of the route. */

import {
  type CorsPolicy,
  CorsPolicySchema,
  CorsSchema,
} from '../../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { onlyFields } from '../config/fields.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { bytesMatch, type TextMatch } from '../match/string.ts'

interface Policy {
  readonly origins: readonly TextMatch[]
  readonly methods: string
  readonly headers: string
  readonly expose: string
  readonly maxAge: string
  readonly credentials: boolean
  readonly forwardUnmatchedPreflights: boolean
  readonly privateNetwork: boolean
}

const FIELDS = [
  'allow_origin_string_match',
  'allow_methods',
  'allow_headers',
  'expose_headers',
  'max_age',
  'allow_credentials',
  'filter_enabled',
  'allow_private_network_access',
  'forward_not_matching_preflights',
]

export const cors: HttpFilterFactory<typeof CorsSchema, typeof CorsPolicySchema> = {
  name: 'envoy.filters.http.cors',
  configType: CorsSchema,
  routeConfigType: CorsPolicySchema,
  create: () => ({ createFilter: (callbacks) => new CorsFilter(callbacks) }),
  createRouteConfig: (config) => compile(config),
}

function compile(config: CorsPolicy): Policy | null {
  const path = 'cors'
  onlyFields(CorsPolicySchema, config, FIELDS, path)
  const enabled = config.filterEnabled?.defaultValue
  return {
    // Zero percent is how a policy is turned off; anything in between would make preflight and request disagree.
    origins:
      enabled?.numerator === 0
        ? []
        : config.allowOriginStringMatch.map((m, i) => bytesMatch(m, `${path}.allow_origin_string_match[${i}]`)),
    methods: byteString(config.allowMethods),
    headers: byteString(config.allowHeaders),
    expose: byteString(config.exposeHeaders),
    maxAge: byteString(config.maxAge),
    credentials: config.allowCredentials ?? false,
    forwardUnmatchedPreflights: config.forwardNotMatchingPreflights ?? true,
    privateNetwork: config.allowPrivateNetworkAccess ?? false,
  }
}

class CorsFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #policy: Policy | undefined
  #origin: string | undefined

  constructor(callbacks: HttpFilterCallbacks) {
    this.#callbacks = callbacks
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const origin = headers.get('origin')
    if (origin === undefined || origin === '') return FilterHeadersStatus.Continue
    const policy = this.#callbacks.routeConfig<Policy>()
    if (policy === undefined || policy.origins.length === 0) return FilterHeadersStatus.Continue
    const preflight =
      headers.get(':method') === 'OPTIONS' && (headers.get('access-control-request-method') ?? '') !== ''
    if (!policy.origins.some((match) => match(origin))) {
      if (!preflight || policy.forwardUnmatchedPreflights) return FilterHeadersStatus.Continue
      this.#callbacks.sendLocalReply(200, '', { details: 'cors_response' })
      return FilterHeadersStatus.StopIteration
    }
    this.#policy = policy
    this.#origin = origin
    if (!preflight) return FilterHeadersStatus.Continue
    const privateNetwork = policy.privateNetwork && headers.get('access-control-request-private-network') === 'true'
    this.#callbacks.sendLocalReply(200, '', {
      details: 'cors_response',
      modifyHeaders: (reply) => {
        if (policy.methods !== '') reply.set('access-control-allow-methods', policy.methods)
        if (policy.headers !== '') reply.set('access-control-allow-headers', policy.headers)
        if (policy.maxAge !== '') reply.set('access-control-max-age', policy.maxAge)
        if (privateNetwork) reply.set('access-control-allow-private-network', 'true')
      },
    })
    return FilterHeadersStatus.StopIteration
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const policy = this.#policy
    if (policy === undefined || this.#origin === undefined) return FilterHeadersStatus.Continue
    headers.set('access-control-allow-origin', this.#origin)
    if (policy.credentials) headers.set('access-control-allow-credentials', 'true')
    if (policy.expose !== '') headers.set('access-control-expose-headers', policy.expose)
    return FilterHeadersStatus.Continue
  }
}
