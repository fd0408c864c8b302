import type { JwtRequirement } from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid } from '../../config/fields.ts'
import type { KeySet } from './key-set.ts'
import type { Place } from './place.ts'
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

export const MISSING = 'Jwt is missing'
const NONE: readonly Accepted[] = []
const ALLOWED: Result = { reason: '', accepted: NONE }

/** A compiled requirement; all keys must be there when it is checked. */
export interface Requirement {
  readonly providers: readonly JwtProvider[]
  check(headers: HeaderMap): Result
}

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
      return { providers: [], check: () => ALLOWED }
    case 'providerName': {
      return single(find(kind.value))
    }
    case 'providerAndAudiences': {
      return single(find(kind.value.providerName), kind.value.audiences.map(plainAudience))
    }
    case 'requiresAny': {
      const all = kind.value.requirements.map((r, i) => compileRequirement(r, providers, `${path}.requires_any[${i}]`))
      return { providers: all.flatMap((one) => one.providers), check: (headers) => anyOf(all, headers) }
    }
    case 'requiresAll': {
      const all = kind.value.requirements.map((r, i) => compileRequirement(r, providers, `${path}.requires_all[${i}]`))
      return { providers: all.flatMap((one) => one.providers), check: (headers) => allOf(all, headers) }
    }
    case 'allowMissing': {
      return unless(providers, (reason) => reason === MISSING)
    }
    case 'allowMissingOrFailed': {
      return unless(providers, () => true)
    }
  }
}

function single(provider: JwtProvider, audiences: readonly string[] = [], every = true): Requirement {
  return { providers: [provider], check: (headers) => byProvider(provider, audiences, every, headers) }
}

/**
 * All tokens must be good, as in Envoy: what reads them behind the proxy may choose any of them. Unless `every` is true the last one
 * decides.
 */
function byProvider(provider: JwtProvider, audiences: readonly string[], every: boolean, headers: HeaderMap): Result {
  const accepted: Accepted[] = []
  let reason = MISSING
  for (const place of provider.places) {
    const found = place.find(headers)
    if (found === undefined) continue
    const token = good(provider, audiences, place, found)
    if (typeof token !== 'string') {
      accepted.push({ provider, token, place })
      reason = ''
    } else if (every) return { reason: token, accepted: NONE }
    else reason = token
  }
  return { reason, accepted }
}

/** The token that was found, or what is wrong with it. */
function good(provider: JwtProvider, audiences: readonly string[], place: Place, found: string): Token | string {
  const { keys } = provider
  const known = keys?.known(found)
  const token = known ?? parseToken(place.token(found))
  if (typeof token === 'string') return token
  if (!provider.issues(token)) return 'Jwt issuer is not configured'
  const refused = provider.check(token, audiences)
  return refused ?? (known === undefined ? verify(token, keys) : undefined) ?? token
}

function verify(token: Token, keys: KeySet | undefined): string | undefined {
  return keys === undefined ? 'Jwks remote fetch is failed' : keys.verify(token)
}

function anyOf(all: readonly Requirement[], headers: HeaderMap): Result {
  let last: Result = { reason: MISSING, accepted: [] }
  for (const one of all) {
    const result = one.check(headers)
    if (result.reason === '') return result
    // What was wrong with a token says more than that another one is missing.
    if (result.reason !== MISSING && (last.reason === MISSING || result.reason !== 'Jwt issuer is not configured'))
      last = result
  }
  return last
}

function allOf(all: readonly Requirement[], headers: HeaderMap): Result {
  const accepted: Accepted[] = []
  for (const one of all) {
    const result = one.check(headers)
    if (result.reason !== '') return result
    accepted.push(...result.accepted)
  }
  return { reason: '', accepted }
}

/** What is good of the tokens counts even where the others are forgiven. */
function unless(providers: ReadonlyMap<string, JwtProvider>, forgiven: (reason: string) => boolean): Requirement {
  const own = [...providers.values()]
  const all = own.map((provider) => single(provider, [], false))
  return {
    providers: own,
    check(headers) {
      const result = anyOf(all, headers)
      return result.reason !== '' && forgiven(result.reason) ? { reason: '', accepted: result.accepted } : result
    },
  }
}
