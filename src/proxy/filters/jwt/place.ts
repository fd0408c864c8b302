import type { JwtProvider } from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { cookie } from '../../route/hash-policy.ts'
import { percentDecoded, queryParameters } from '../../route/route-match.ts'

/** Where in a request a token may stand. */
export interface Place {
  /** The kind of place and its name: equal keys are the same place, and the greater is looked at first. */
  readonly key: string
  /** What stands there; `undefined` when nothing does. */
  find(headers: HeaderMap): string | undefined
  /** The token in what was found. */
  token(found: string): string
  remove(headers: HeaderMap): void
}

/**
 * In the order in which Envoy verifies what is there: cookies, parameters, headers, each from the last name to the first. By default the
 * parameter `access_token` and the Authorization header.
 */
export function placesOf({ fromHeaders, fromParams, fromCookies }: JwtProvider): readonly Place[] {
  if (fromHeaders.length + fromParams.length + fromCookies.length === 0)
    return inOrder([new ParameterPlace('access_token'), new HeaderPlace('authorization', 'Bearer ')])
  return inOrder([
    ...fromCookies.map((name) => new CookiePlace(name)),
    ...fromParams.map((name) => new ParameterPlace(name)),
    ...fromHeaders.map(({ name, valuePrefix }) => new HeaderPlace(name.toLowerCase(), valuePrefix)),
  ])
}

/** Each place once, as `placesOf` orders them. */
export function inOrder(places: readonly Place[]): readonly Place[] {
  const byKey = new Map(places.map((place) => [place.key, place]))
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? 1 : -1))
}

class HeaderPlace implements Place {
  readonly key: string
  readonly #name: string
  readonly #prefix: string

  constructor(name: string, prefix: string) {
    this.key = `1 ${name}${prefix}`
    this.#name = name
    this.#prefix = prefix
  }

  find(headers: HeaderMap): string | undefined {
    const values = headers.getAll(this.#name)
    // As Envoy: several are one, so that none of them reaches the upstream without being looked at.
    const value = values.length > 1 ? values.join(',') : values[0]
    const at = value === undefined ? -1 : value.indexOf(this.#prefix)
    return at === -1 ? undefined : value.slice(at + this.#prefix.length)
  }

  /** As Envoy: behind a prefix, what no token can begin with is no part of it. */
  token(found: string): string {
    if (this.#prefix === '') return found
    const start = found.search(/[A-Za-z0-9_.-]/)
    return start === -1 ? found : found.slice(start)
  }

  remove(headers: HeaderMap): void {
    headers.remove(this.#name)
  }
}

class ParameterPlace implements Place {
  readonly key: string
  readonly #name: string

  constructor(name: string) {
    this.key = `2 ${name}`
    this.#name = name
  }

  find(headers: HeaderMap): string | undefined {
    const path = headers.get(':path')
    if (path === undefined || !(path.includes(this.#name) || path.includes('%'))) return undefined
    for (const [name, value] of queryParameters(path))
      if (percentDecoded(name) === this.#name) return percentDecoded(value)
    return undefined
  }

  token(found: string): string {
    return found
  }

  remove(headers: HeaderMap): void {
    const path = headers.get(':path') ?? ''
    const start = path.indexOf('?')
    if (start === -1) return
    const kept = path
      .slice(start + 1)
      .split('&')
      .filter((part) => percentDecoded(part.split('=', 1)[0]) !== this.#name)
    headers.set(':path', kept.length === 0 ? path.slice(0, start) : `${path.slice(0, start)}?${kept.join('&')}`)
  }
}

class CookiePlace implements Place {
  readonly key: string
  readonly #name: string

  constructor(name: string) {
    this.key = `3 ${name}`
    this.#name = name
  }

  find(headers: HeaderMap): string | undefined {
    const header = headers.get('cookie')
    return header === undefined ? undefined : cookie(header, this.#name)
  }

  token(found: string): string {
    return found
  }

  remove(): void {}
}
