import type { JwtProvider } from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { cookie } from '../../route/hash-policy.ts'
import { queryParameters } from '../../route/route-match.ts'

/** Where in a request a token may stand. */
export interface Place {
  /** What stands there; `undefined` when nothing does. */
  find(headers: HeaderMap): string | undefined
  /** The token in what was found. */
  token(found: string): string
  remove(headers: HeaderMap): void
}

/** Envoy's order: headers, parameters, cookies; by default the Authorization header and `access_token`. */
export function placesOf({ fromHeaders, fromParams, fromCookies }: JwtProvider): readonly Place[] {
  if (fromHeaders.length + fromParams.length + fromCookies.length === 0)
    return [new HeaderPlace('authorization', 'Bearer '), new ParameterPlace('access_token')]
  return [
    ...fromHeaders.map(({ name, valuePrefix }) => new HeaderPlace(name.toLowerCase(), valuePrefix)),
    ...fromParams.map((name) => new ParameterPlace(name)),
    ...fromCookies.map((name) => new CookiePlace(name)),
  ]
}

class HeaderPlace implements Place {
  readonly #name: string
  readonly #prefix: string

  constructor(name: string, prefix: string) {
    this.#name = name
    this.#prefix = prefix
  }

  find(headers: HeaderMap): string | undefined {
    const value = headers.get(this.#name)
    const at = value === undefined ? -1 : value.indexOf(this.#prefix)
    return at === -1 ? undefined : value?.slice(at + this.#prefix.length)
  }

  /** As Envoy: white space before the token and whatever comes after it are no part of it. */
  token(found: string): string {
    return /^[A-Za-z0-9_.-]*/.exec(found.trimStart())?.[0] ?? ''
  }

  remove(headers: HeaderMap): void {
    headers.remove(this.#name)
  }
}

class ParameterPlace implements Place {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  find(headers: HeaderMap): string | undefined {
    const path = headers.get(':path')
    return path?.includes(this.#name) ? queryParameters(path).get(this.#name) : undefined
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
      .filter((part) => part !== this.#name && !part.startsWith(`${this.#name}=`))
    headers.set(':path', kept.length === 0 ? path.slice(0, start) : `${path.slice(0, start)}?${kept.join('&')}`)
  }
}

class CookiePlace implements Place {
  readonly #name: string

  constructor(name: string) {
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
