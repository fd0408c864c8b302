import type { JwtRequirement } from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid } from '../../config/fields.ts'
import type { Found, JwtProvider } from './provider.ts'
import { parseToken, type Token } from './token.ts'

/** A token that was found good. */
export interface Accepted {
  readonly provider: JwtProvider
  readonly token: Token
  readonly found: Found
}

/** `reason` '' means allowed. */
export interface Result {
  readonly reason: string
  readonly accepted: readonly Accepted[]
}

export const MISSING = 'Jwt is missing'
const ALLOWED: Result = { reason: '', accepted: [] }

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
      const provider = find(kind.value)
      return { providers: [provider], check: (headers) => byProvider(provider, [], headers) }
    }
    case 'providerAndAudiences': {
      const provider = find(kind.value.providerName)
      return { providers: [provider], check: (headers) => byProvider(provider, kind.value.audiences, headers) }
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
      const all = [...providers.values()]
      return { providers: all, check: (headers) => unless(all, headers, (reason) => reason === MISSING) }
    }
    case 'allowMissingOrFailed': {
      const all = [...providers.values()]
      return { providers: all, check: (headers) => unless(all, headers, () => true) }
    }
  }
}

function byProvider(provider: JwtProvider, audiences: readonly string[], headers: HeaderMap): Result {
  let reason = MISSING
  for (const found of provider.find(headers)) {
    const token = parseToken(found.text)
    if (typeof token === 'string') reason = token
    else if (!provider.issues(token)) reason = 'Jwt issuer is not configured'
    else {
      const keys = provider.keys
      const refused =
        provider.check(token, audiences) ?? (keys === undefined ? 'Jwks remote fetch is failed' : keys.verify(token))
      if (refused === undefined) return { reason: '', accepted: [{ provider, token, found }] }
      reason = refused
    }
  }
  return { reason, accepted: [] }
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

function unless(providers: readonly JwtProvider[], headers: HeaderMap, forgiven: (reason: string) => boolean): Result {
  const result = anyOf(
    providers.map((provider) => ({ providers: [provider], check: (map: HeaderMap) => byProvider(provider, [], map) })),
    headers,
  )
  return result.reason === '' || !forgiven(result.reason) ? result : ALLOWED
}
