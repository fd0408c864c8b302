import type { JwtRequirement } from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid } from '../../config/fields.ts'
import type { KeySet } from './key-set.ts'
import { inOrder, type Place } from './place.ts'
import type { JwtProvider } from './provider.ts'
import { parseToken, plainAudience, type Token } from './token.ts'

/** A token that was found good. */
export interface Accepted {
  readonly provider: JwtProvider
  readonly token: Token
  readonly place: Place
}

/** `reason` '' means allowed. */
export interface Result {
  readonly reason: string
  readonly accepted: readonly Accepted[]
}

/** Envoy's words for a request without a token. */
export const MISSING = 'Jwt is missing'
const UNKNOWN_ISSUER = 'Jwt issuer is not configured'
const NO_KEYS = 'Jwks remote fetch is failed'
const NONE: readonly Accepted[] = []
const ALLOWED: Result = { reason: '', accepted: NONE }

/** A compiled requirement; all keys must be there when it is checked. */
export interface Requirement {
  readonly providers: readonly JwtProvider[]
  /** Those of them to whose keys it comes; `undefined`: it fails whatever they are, and nobody need wait for them, as in Envoy. */
  asks(headers: HeaderMap): readonly JwtProvider[] | undefined
  /** Takes good tokens that are not to be forwarded out of the request, as Envoy: what is checked after it does not see them. */
  check(headers: HeaderMap): Result
}

/** Compiles a JwtRequirement; none at all allows everything. Throws on a provider that there is not. */
export function compileRequirement(
  proto: JwtRequirement | undefined,
  providers: ReadonlyMap<string, JwtProvider>,
  path: string,
): Requirement {
  const kind = proto?.requiresType
  const find = (name: string) => {
    const provider = providers.get(name)
    if (provider === undefined) throw invalid(path, `there is no provider ${name}`)
    return provider
  }
  switch (kind?.case) {
    case undefined:
      return { providers: [], asks: () => [], check: () => ALLOWED }
    case 'providerName': {
      return single(find(kind.value))
    }
    case 'providerAndAudiences': {
      return single(find(kind.value.providerName), kind.value.audiences.map(plainAudience))
    }
    case 'requiresAny': {
      atLeastTwo(kind.value.requirements, `${path}.requires_any`)
      return compileAny(kind.value.requirements, providers, `${path}.requires_any`)
    }
    case 'requiresAll': {
      atLeastTwo(kind.value.requirements, `${path}.requires_all`)
      const all = kind.value.requirements.map((r, i) => compileRequirement(r, providers, `${path}.requires_all[${i}]`))
      return {
        providers: all.flatMap((one) => one.providers),
        asks: (headers) => askedOf(all, headers, true),
        check: (headers) => allOf(all, headers),
      }
    }
    case 'allowMissing':
    case 'allowMissingOrFailed': {
      return unless([...providers.values()], forgives(proto as JwtRequirement) as (reason: string) => boolean)
    }
  }
}

function atLeastTwo(list: readonly JwtRequirement[], path: string): void {
  if (list.length < 2) throw invalid(`${path}.requirements`, 'at least two are needed')
}

/**
 * What lets tokens be missing or bad forgives what is wrong with those that are asked for beside it, and looks at no token of its own, so
 * that a good one which they refuse does not come in by another door. Alone it is for the tokens of all providers.
 */
function compileAny(
  protos: readonly JwtRequirement[],
  providers: ReadonlyMap<string, JwtProvider>,
  path: string,
): Requirement {
  const forgiving = protos.flatMap((proto) => forgives(proto) ?? [])
  const strict: Requirement[] = []
  for (const [i, proto] of protos.entries())
    if (forgives(proto) === undefined) strict.push(compileRequirement(proto, providers, `${path}[${i}]`))
  const all = strict.length > 0 ? strict : forgiving.map((forgiven) => unless([...providers.values()], forgiven))
  return {
    providers: all.flatMap((one) => one.providers),
    asks: (headers) => askedOf(all, headers, false) ?? (forgiving.length > 0 ? [] : undefined),
    check(headers) {
      const result = anyOf(all, headers)
      return result.reason !== '' && forgiving.some((forgiven) => forgiven(result.reason)) ? ALLOWED : result
    },
  }
}

/** `every`: one that fails is enough. */
function askedOf(all: readonly Requirement[], headers: HeaderMap, every: boolean): JwtProvider[] | undefined {
  const asked = all.map((one) => one.asks(headers))
  const open = asked.filter((one) => one !== undefined)
  const fails = every ? open.length < all.length : open.length === 0
  return fails ? undefined : open.flat()
}

/** Which reasons do not count; `undefined` where all do. */
function forgives({ requiresType }: JwtRequirement): ((reason: string) => boolean) | undefined {
  if (requiresType.case === 'allowMissing') return (reason) => reason === MISSING
  return requiresType.case === 'allowMissingOrFailed' ? () => true : undefined
}

/** All tokens must be good, as in Envoy: what reads them behind the proxy may choose any of them. */
function single(provider: JwtProvider, audiences: readonly string[] = []): Requirement {
  return {
    providers: [provider],
    asks(headers) {
      for (const place of provider.places) {
        const found = place.find(headers)
        // The first token that is bad otherwise ends it.
        if (found !== undefined) return isBadAnyhow(provider, audiences, place, found) ? undefined : [provider]
      }
      return undefined
    },
    check(headers) {
      const accepted: Accepted[] = []
      for (const place of provider.places) {
        const found = place.find(headers)
        if (found === undefined) continue
        const token = good(provider, audiences, place, found, true)
        if (typeof token === 'string') return { reason: token, accepted: NONE }
        accept({ provider, token, place }, headers, accepted)
      }
      return { reason: accepted.length === 0 ? MISSING : '', accepted }
    },
  }
}

function accept(one: Accepted, headers: HeaderMap, accepted: Accepted[]): void {
  if (!one.provider.proto.forward) one.place.remove(headers)
  accepted.push(one)
}

/** The token that was found, or what is wrong with it. `counted`: a look into the cache shows in the counters. */
function good(
  provider: JwtProvider,
  audiences: readonly string[],
  place: Place,
  found: string,
  counted: boolean,
): Token | string {
  const { keys } = provider
  const known = keys?.known(found)
  if (counted) provider.countLookup(known !== undefined)
  const token = known ?? parseToken(place.token(found))
  if (typeof token === 'string') return token
  if (!provider.issues(token)) return UNKNOWN_ISSUER
  const refused = provider.check(token, audiences)
  return refused ?? (known === undefined ? verify(token, keys) : undefined) ?? token
}

/** Whether a token is refused whoever signed it. */
function isBadAnyhow(provider: JwtProvider, audiences: readonly string[], place: Place, found: string): boolean {
  const token = parseToken(place.token(found))
  return typeof token === 'string' || !provider.issues(token) || provider.check(token, audiences) !== undefined
}

function verify(token: Token, keys: KeySet | undefined): string | undefined {
  return keys === undefined ? NO_KEYS : keys.verify(token)
}

function anyOf(all: readonly Requirement[], headers: HeaderMap): Result {
  let last: Result = { reason: MISSING, accepted: [] }
  for (const one of all) {
    const result = one.check(headers)
    if (result.reason === '') return result
    // What was wrong with a token says more than that another one is missing.
    if (result.reason !== MISSING && (last.reason === MISSING || result.reason !== UNKNOWN_ISSUER)) last = result
  }
  return last
}

function allOf(all: readonly Requirement[], headers: HeaderMap): Result {
  let accepted: readonly Accepted[] = NONE
  for (const [i, one] of all.entries()) {
    const result = one.check(headers)
    // Who fails without keys has done so while they were fetched; those before this one have not, and may have taken their tokens.
    if (result.reason === NO_KEYS)
      return all.find((other, at) => at > i && other.asks(headers) === undefined)?.check(headers) ?? result
    if (result.reason !== '') return result
    // As Envoy: what a provider says for the later requirement stands in the place of what it said for the earlier one.
    const earlier = accepted.filter(({ provider }) => !result.accepted.some((later) => later.provider === provider))
    accepted = [...earlier, ...result.accepted]
  }
  return { reason: '', accepted }
}

/** The tokens of all providers, each for who issued it. The one that is looked at last decides, and those that are good count anyhow. */
function unless(providers: readonly JwtProvider[], forgiven: (reason: string) => boolean): Requirement {
  const places = inOrder(providers.flatMap((provider) => provider.places)).map((place) => ({
    place,
    own: providers.filter((provider) => provider.places.some(({ key }) => key === place.key)),
  }))
  return {
    providers,
    asks: (headers) =>
      places.flatMap(({ place, own }) => {
        const found = place.find(headers)
        return found === undefined ? [] : own.filter((provider) => !isBadAnyhow(provider, [], place, found))
      }),
    check(headers) {
      const accepted: Accepted[] = []
      let reason = MISSING
      for (const { place, own } of places) {
        const found = place.find(headers)
        if (found === undefined) continue
        for (const provider of own) {
          const token = good(provider, [], place, found, false)
          reason = typeof token === 'string' ? token : ''
          if (typeof token !== 'string') accept({ provider, token, place }, headers, accepted)
          if (reason !== UNKNOWN_ISSUER) break
        }
      }
      return { reason: forgiven(reason) ? '' : reason, accepted }
    },
  }
}
