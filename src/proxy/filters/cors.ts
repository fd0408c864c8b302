import {
  type CorsPolicy,
  CorsPolicySchema,
  CorsSchema,
} from '../../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import { onlyFields } from '../config/fields.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { bytesMatch, type TextMatch } from '../match/string.ts'

/** What is undefined is what the policy of the next level says. */
interface Policy {
  readonly enabled: boolean
  /** Looks at origins, and counts them, where the policy is not enabled. */
  readonly shadow: boolean
  readonly origins: readonly TextMatch[] | undefined
  readonly methods: string | undefined
  readonly headers: string | undefined
  readonly expose: string | undefined
  readonly maxAge: string | undefined
  readonly credentials: boolean | undefined
  readonly forwardUnmatchedPreflights: boolean | undefined
  readonly privateNetwork: boolean | undefined
}

const FIELDS = [
  'allow_origin_string_match',
  'allow_methods',
  'allow_headers',
  'expose_headers',
  'max_age',
  'allow_credentials',
  'filter_enabled',
  'shadow_enabled',
  'allow_private_network_access',
  'forward_not_matching_preflights',
]

/** `envoy.filters.http.cors`: answers preflight requests and marks responses, by the policy of the route. */
export const cors: HttpFilterFactory<typeof CorsSchema, typeof CorsPolicySchema> = {
  name: 'envoy.filters.http.cors',
  configType: CorsSchema,
  routeConfigType: CorsPolicySchema,
  create(_, { stats, statPrefix }) {
    const scope = stats.scope(`${statPrefix}cors.`)
    const counters: Counters = { valid: scope.counter('origin_valid'), invalid: scope.counter('origin_invalid') }
    return { createFilter: (callbacks) => new CorsFilter(callbacks, counters) }
  },
  createRouteConfig: (config) => compile(config),
}

interface Counters {
  readonly valid: Cell
  readonly invalid: Cell
}

function compile(config: CorsPolicy): Policy {
  const path = 'cors'
  onlyFields(CorsPolicySchema, config, FIELDS, path)
  const text = (value: string) => (value === '' ? undefined : byteString(value))
  const { filterEnabled, shadowEnabled, allowOriginStringMatch: origins } = config
  return {
    // Zero percent is how a policy is turned off; anything in between would make preflight and request disagree.
    enabled: filterEnabled?.defaultValue?.numerator !== 0,
    shadow: (shadowEnabled?.defaultValue?.numerator ?? 0) !== 0,
    origins:
      origins.length === 0
        ? undefined
        : origins.map((m, i) => bytesMatch(m, `${path}.allow_origin_string_match[${i}]`)),
    methods: text(config.allowMethods),
    headers: text(config.allowHeaders),
    expose: text(config.exposeHeaders),
    maxAge: text(config.maxAge),
    credentials: config.allowCredentials,
    forwardUnmatchedPreflights: config.forwardNotMatchingPreflights,
    privateNetwork: config.allowPrivateNetworkAccess,
  }
}

/** The policies of a route and what is around it as one: what the more specific ones do not say, the others do. */
function merged(levels: readonly Policy[]): Policy {
  const [policy, ...rest] = levels
  if (rest.length === 0) return policy
  const others = merged(rest)
  return {
    enabled: policy.enabled,
    shadow: policy.shadow,
    origins: policy.origins ?? others.origins,
    methods: policy.methods ?? others.methods,
    headers: policy.headers ?? others.headers,
    expose: policy.expose ?? others.expose,
    maxAge: policy.maxAge ?? others.maxAge,
    credentials: policy.credentials ?? others.credentials,
    forwardUnmatchedPreflights: policy.forwardUnmatchedPreflights ?? others.forwardUnmatchedPreflights,
    privateNetwork: policy.privateNetwork ?? others.privateNetwork,
  }
}

/** By the list of levels, which a route hands out again and again. */
const MERGED = new WeakMap<readonly Policy[], Policy>()

function policyOf(levels: readonly Policy[]): Policy | undefined {
  if (levels.length < 2) return levels[0]
  let policy = MERGED.get(levels)
  if (policy === undefined) {
    policy = merged(levels)
    MERGED.set(levels, policy)
  }
  return policy
}

class CorsFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #counters: Counters
  #policy: Policy | undefined
  #origin = ''

  constructor(callbacks: HttpFilterCallbacks, counters: Counters) {
    this.#callbacks = callbacks
    this.#counters = counters
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const origins = headers.getAll('origin')
    if (origins.length === 0) return FilterHeadersStatus.Continue
    // As in Envoy: several are one, which hardly any policy knows.
    const origin = origins.length === 1 ? origins[0] : origins.join(',')
    if (origin === '') return FilterHeadersStatus.Continue
    const policy = policyOf(this.#callbacks.routeConfigs<Policy>())
    // Answers of the proxy's own (redirects, direct responses) need no permission.
    if (policy === undefined || !(policy.enabled || policy.shadow) || this.#callbacks.route()?.forwards !== true)
      return FilterHeadersStatus.Continue
    // Whose policy knows `*`, knows all.
    const allowed = policy.origins?.some((match) => match('*') || match(origin)) ?? false
    const counter = allowed ? this.#counters.valid : this.#counters.invalid
    counter.value++
    if (!policy.enabled) return FilterHeadersStatus.Continue
    if (allowed) {
      this.#policy = policy
      this.#origin = origin
    }
    const method = headers.get('access-control-request-method') ?? ''
    if (headers.get(':method') !== 'OPTIONS' || method === '') return FilterHeadersStatus.Continue
    if (!allowed && policy.forwardUnmatchedPreflights !== false) return FilterHeadersStatus.Continue
    this.#callbacks.sendLocalReply(200, '', {
      details: 'cors_response',
      modifyHeaders: (reply) => answerPreflight(policy, headers, reply),
    })
    return FilterHeadersStatus.StopIteration
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const policy = this.#policy
    if (policy === undefined) return FilterHeadersStatus.Continue
    headers.set('access-control-allow-origin', this.#origin)
    if (policy.credentials === true) headers.set('access-control-allow-credentials', 'true')
    if (policy.expose !== undefined) headers.set('access-control-expose-headers', policy.expose)
    return FilterHeadersStatus.Continue
  }
}

/** All that is asked for is allowed by `*`, which browsers do not take as such for requests with credentials. */
function answerPreflight(policy: Policy, headers: HeaderMap, reply: HeaderMap): void {
  const asked = (allowed: string, name: string) => (allowed === '*' ? (headers.get(name) ?? '') : allowed)
  if (policy.credentials === true) reply.set('access-control-allow-credentials', 'true')
  if (policy.methods !== undefined)
    reply.set('access-control-allow-methods', asked(policy.methods, 'access-control-request-method'))
  if (policy.headers !== undefined)
    reply.set('access-control-allow-headers', asked(policy.headers, 'access-control-request-headers'))
  if (policy.maxAge !== undefined) reply.set('access-control-max-age', policy.maxAge)
  if (policy.privateNetwork === true && headers.get('access-control-request-private-network') === 'true')
    reply.set('access-control-allow-private-network', 'true')
}
