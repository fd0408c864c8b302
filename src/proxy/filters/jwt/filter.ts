import {
  type JwtAuthentication,
  JwtAuthenticationSchema,
  type PerRouteConfig,
  PerRouteConfigSchema,
} from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { valueAt } from '../../../base/value-at.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../../http/filter.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import { compileRouteMatch, type RouteMatcher } from '../../route/route-match.ts'
import { JwtProvider } from './provider.ts'
import { type Accepted, compileRequirement, MISSING, type Requirement, type Result } from './requirement.ts'
import { type JwtStats, jwtStats } from './stats.ts'

/** What a challenge shows of a path, as in Envoy. */
const LONGEST_PATH = 256
/** Envoy's namespace for the claims. */
const NAMESPACE = 'envoy.filters.http.jwt_authn'

interface RouteRule {
  readonly disabled: boolean
  readonly name: string
}

class Settings {
  readonly #providers: readonly JwtProvider[]
  /** Headers that a client must not send, as only a token may say what they do. */
  readonly #ours: readonly string[]
  readonly bypassPreflight: boolean
  readonly strip: boolean
  readonly stats: JwtStats
  readonly #rules: readonly { readonly match: RouteMatcher; readonly requirement: Requirement | undefined }[]
  readonly #named = new Map<string, Requirement>()

  constructor(config: JwtAuthentication, context: FactoryContext) {
    const path = 'jwt_authn'
    onlyFields(
      JwtAuthenticationSchema,
      config,
      ['providers', 'rules', 'bypass_cors_preflight', 'requirement_map', 'strip_failure_response'],
      path,
    )
    this.stats = jwtStats(context)
    const providers = new Map(
      Object.entries(config.providers).map(([name, proto]) => [
        name,
        new JwtProvider(proto, context, this.stats, `${path}.providers["${name}"]`),
      ]),
    )
    this.#providers = [...providers.values()]
    this.#ours = this.#providers.flatMap(({ payloadHeader, claimHeaders }) => [
      ...(payloadHeader === '' ? [] : [payloadHeader]),
      ...claimHeaders.map(({ name }) => name),
    ])
    // The main thread only tries configurations out.
    if (context.workerIndex >= 0) for (const provider of this.#providers) provider.keepFetched()
    for (const [name, requirement] of Object.entries(config.requirementMap)) {
      this.#named.set(name, compileRequirement(requirement, providers, `${path}.requirement_map["${name}"]`))
    }
    this.#rules = config.rules.map((rule, i) => {
      const where = `${path}.rules[${i}]`
      const match = compileRouteMatch(rule.match, `${where}.match`)
      const kind = rule.requirementType
      if (kind.case === 'requires')
        return { match, requirement: compileRequirement(kind.value, providers, `${where}.requires`) }
      if (kind.case === undefined) return { match, requirement: undefined }
      const named = this.#named.get(kind.value)
      if (named === undefined) throw invalid(`${where}.requirement_name`, `there is no requirement ${kind.value}`)
      return { match, requirement: named }
    })
    this.bypassPreflight = config.bypassCorsPreflight
    this.strip = config.stripFailureResponse
  }

  close(): void {
    for (const provider of this.#providers) provider.close()
  }

  /** Of all requests, as in Envoy, also those that need no token: the upstream cannot tell them apart. */
  sanitize(headers: HeaderMap): void {
    for (const name of this.#ours) headers.remove(name)
  }

  /** A text says what is wrong with the route's. */
  requirementFor(headers: HeaderMap, route: RouteRule | undefined, info: StreamInfo): Requirement | string | undefined {
    if (route !== undefined)
      return route.disabled ? undefined : (this.#named.get(route.name) ?? this.#wrong(route.name))
    const path = headers.get(':path') ?? ''
    for (const { match, requirement } of this.#rules) if (match.matches(path, headers, info)) return requirement
    return undefined
  }

  #wrong(name: string): string {
    return `Wrong requirement_name: ${byteString(name)}. It should be one of [${byteString([...this.#named.keys()].sort().join(','))}]`
  }
}

/** `envoy.filters.http.jwt_authn`: lets through what has the tokens that its rules ask for. It waits for keys before it looks. */
export const jwtAuthn: HttpFilterFactory<typeof JwtAuthenticationSchema, typeof PerRouteConfigSchema> = {
  name: NAMESPACE,
  configType: JwtAuthenticationSchema,
  routeConfigType: PerRouteConfigSchema,
  create(config, context) {
    const settings = new Settings(config, context)
    return { createFilter: (callbacks) => new JwtFilter(callbacks, settings), destroy: () => settings.close() }
  },
  createRouteConfig({ requirementSpecifier: specifier }: PerRouteConfig): RouteRule {
    if (specifier.case === 'requirementName') return { disabled: false, name: specifier.value }
    if (specifier.case === 'disabled') return { disabled: specifier.value, name: '' }
    throw invalid('jwt_authn', 'a requirement is missing')
  },
}

class JwtFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  /** As it came: a token may be taken out of it. */
  #path = ''
  #gone = false

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const settings = this.#settings
    settings.sanitize(headers)
    const { stats } = settings
    if (settings.bypassPreflight && isPreflight(headers)) {
      stats.preflights.value++
      stats.allowed.value++
      return FilterHeadersStatus.Continue
    }
    const requirement = settings.requirementFor(
      headers,
      this.#callbacks.routeConfig<RouteRule>(),
      this.#callbacks.streamInfo,
    )
    if (requirement === undefined) {
      stats.allowed.value++
      return FilterHeadersStatus.Continue
    }
    if (typeof requirement === 'string') {
      this.#deny(headers, 403, requirement, `Failed JWT authentication: ${requirement}`, false)
      return FilterHeadersStatus.StopIteration
    }
    this.#path = headers.get(':path') ?? ''
    for (const provider of requirement.providers) {
      if (provider.keys === undefined) return this.#wait(headers, requirement)
    }
    return this.#check(headers, requirement)
  }

  onDestroy(): void {
    this.#gone = true
  }

  /** For the keys that it needs, if any. */
  #wait(headers: HeaderMap, requirement: Requirement): FilterHeadersStatus {
    const missing = new Set(requirement.asks(headers)?.filter((provider) => provider.keys === undefined))
    if (missing.size === 0) return this.#check(headers, requirement)
    let open = missing.size
    for (const provider of missing) {
      provider.fetch(() => {
        if (--open > 0 || this.#gone) return
        if (this.#decide(headers, requirement.check(headers))) this.#callbacks.continueDecoding()
      }, this.#callbacks)
    }
    return FilterHeadersStatus.StopAllIterationAndWatermark
  }

  #check(headers: HeaderMap, requirement: Requirement): FilterHeadersStatus {
    return this.#decide(headers, requirement.check(headers))
      ? FilterHeadersStatus.Continue
      : FilterHeadersStatus.StopIteration
  }

  #decide(headers: HeaderMap, { reason, accepted }: Result): boolean {
    if (reason !== '') {
      this.#deny(headers, reason === 'Audiences in Jwt are not allowed' ? 403 : 401, reason, reason, true)
      return false
    }
    this.#settings.stats.allowed.value++
    for (const one of accepted) this.#use(headers, one)
    return true
  }

  #use(headers: HeaderMap, { provider, token }: Accepted): void {
    const { proto, payloadHeader } = provider
    if (payloadHeader !== '') {
      const padding = proto.padForwardPayloadHeader ? '='.repeat((4 - (token.payloadText.length % 4)) % 4) : ''
      headers.add(payloadHeader, token.payloadText + padding)
    }
    for (const { name, path } of provider.claimHeaders) {
      const text = claimText(valueAt(token.payload, path))
      if (text !== '') headers.add(name, text)
    }
    const metadata = provider.metadataOf(token)
    if (metadata !== undefined) this.#callbacks.streamInfo.setDynamicMetadata(NAMESPACE, metadata)
    if (proto.clearRouteCache) this.#callbacks.clearRouteCache()
  }

  #deny(headers: HeaderMap, code: number, reason: string, body: string, challenge: boolean): void {
    const { stats, strip } = this.#settings
    stats.denied.value++
    const path = this.#path.slice(0, LONGEST_PATH)
    const realm = `${headers.get(':scheme') ?? 'http'}://${headers.get(':authority') ?? ''}${path}`
    const error = reason === MISSING ? '' : ', error="invalid_token"'
    this.#callbacks.sendLocalReply(code, strip ? '' : body, {
      details: `jwt_authn_access_denied{${reason}}`,
      ...(challenge && !strip
        ? {
            modifyHeaders: (reply: HeaderMap) =>
              reply.set('www-authenticate', `Bearer realm="${realm.replaceAll('"', '')}"${error}`),
          }
        : {}),
    })
  }
}

function isPreflight(headers: HeaderMap): boolean {
  return (
    headers.get(':method') === 'OPTIONS' && !!headers.get('origin') && !!headers.get('access-control-request-method')
  )
}

/** As Envoy writes a claim into a header; '' for none. */
function claimText(claim: unknown): string {
  if (claim === undefined || claim === null) return ''
  if (typeof claim === 'string' || typeof claim === 'boolean') return byteString(String(claim))
  if (typeof claim !== 'number') return Buffer.from(JSON.stringify(claim)).toString('base64')
  if (!Number.isInteger(claim)) return claim.toFixed(6)
  return claim >= -(2 ** 63) && claim < 2 ** 64 ? String(BigInt(claim)) : `${BigInt(claim)}.000000`
}
