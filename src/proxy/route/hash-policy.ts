import {
  type RouteAction_HashPolicy,
  type RouteAction_HashPolicy_Cookie,
  RouteAction_HashPolicy_CookieSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { Hash64, xxHash64 } from '../cluster/hash64.ts'
import { durationSeconds, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { addressText } from '../http/address-text.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { compileRegex } from '../match/regex.ts'
import { queryParameters } from './route-match.ts'

interface Part {
  readonly terminal: boolean
  /** Hashes what it reads into `out`; false when there is nothing. */
  hash(info: StreamInfo, out: Hash64): boolean
  /** A cookie that this part makes for clients that have none. */
  readonly cookie: ((info: StreamInfo) => string | undefined) | undefined
}

/** What a stream is hashed by for ring hash and Maglev, as Envoy does it (`hash_policy.cc`). */
export class HashPolicy {
  readonly #parts: readonly Part[]
  /** Handed out again and again: who gets it uses it at once. */
  readonly #sum = new Hash64()
  readonly #one = new Hash64()
  readonly #makesCookies: boolean

  constructor(policies: readonly RouteAction_HashPolicy[], path: string) {
    this.#parts = policies.map((policy, i) => compile(policy, `${path}[${i}]`))
    this.#makesCookies = this.#parts.some((part) => part.cookie !== undefined)
  }

  /** `undefined` when nothing applies. The value holds until the next call. */
  hash(info: StreamInfo): Hash64 | undefined {
    let any = false
    this.#sum.set(0, 0)
    for (const part of this.#parts) {
      if (part.hash(info, this.#one)) {
        any = true
        this.#sum.combine(this.#one)
      }
      if (part.terminal && any) break
    }
    return any ? this.#sum : undefined
  }

  /** Gives the client the cookies by which it will find the same host again. */
  addCookies(response: HeaderMap, info: StreamInfo): void {
    if (!this.#makesCookies) return
    for (const { cookie } of this.#parts) {
      const made = cookie?.(info)
      if (made !== undefined) response.add('set-cookie', made)
    }
  }
}

type Reader = (info: StreamInfo) => string | undefined

function part(terminal: boolean, read: Reader): Part {
  return {
    terminal,
    cookie: undefined,
    hash(info, out) {
      const value = read(info)
      if (value === undefined) return false
      xxHash64(value, out)
      return true
    },
  }
}

function compile(policy: RouteAction_HashPolicy, path: string): Part {
  const { policySpecifier: specifier, terminal } = policy
  switch (specifier.case) {
    case 'header': {
      const name = specifier.value.headerName.toLowerCase()
      const rewrite = specifier.value.regexRewrite
      const regex = rewrite && compileRegex(rewrite.pattern?.regex ?? '', `${path}.header.regex_rewrite`)
      const text = (value: string) =>
        regex === undefined ? value : regex.replaceAll(value, rewrite?.substitution ?? '')
      return { terminal, cookie: undefined, hash: (info, out) => hashHeader(info, name, text, out) }
    }
    case 'cookie':
      return cookiePart(specifier.value, terminal, `${path}.cookie`)
    case 'connectionProperties':
      if (!specifier.value.sourceIp) throw invalid(`${path}.connection_properties`, 'source_ip must be set')
      return part(terminal, (info) => info.remoteAddress || undefined)
    case 'queryParameter': {
      const { name } = specifier.value
      return part(terminal, (info) => queryParameters(info.requestHeaders?.get(':path') ?? '').get(name))
    }
    case 'filterState': {
      const { key } = specifier.value
      return part(terminal, (info) => info.filterState?.get(key)?.latin1Slice())
    }
    default:
      throw unsupported(path, 'hash policy')
  }
}

/** Several values of one header are hashed one after the other, sorted, so that their order does not matter. */
function hashHeader(info: StreamInfo, name: string, text: (value: string) => string, out: Hash64): boolean {
  const headers = info.requestHeaders
  const first = headers?.get(name)
  if (headers === undefined || first === undefined) return false
  const values = headers.getAll(name)
  if (values.length === 1) {
    xxHash64(text(first), out)
    return true
  }
  out.set(0, 0)
  for (const value of values.map(text).sort()) xxHash64(value, out, out.hi, out.lo)
  return true
}

/** A cookie; with `ttl` the proxy makes one for who has none. */
function cookiePart(config: RouteAction_HashPolicy_Cookie, terminal: boolean, path: string): Part {
  onlyFields(RouteAction_HashPolicy_CookieSchema, config, ['name', 'ttl', 'path', 'attributes'], path)
  const { name, ttl } = config
  const given: Reader = (info) => cookie(info.requestHeaders?.get('cookie') ?? '', name) || undefined
  if (ttl === undefined) return part(terminal, given)
  const seconds = Math.floor(durationSeconds(ttl))
  const maxAge = seconds === 0 ? '' : `; Max-Age=${seconds}`
  const where = config.path === '' ? '' : `; Path=${config.path}`
  const attributes = config.attributes.map((one) => `; ${one.name}${one.value === '' ? '' : `=${one.value}`}`).join('')
  const suffix = byteString(`${maxAge}${where}${attributes}; HttpOnly`)
  return {
    ...part(terminal, (info) => given(info) ?? madeFor(info)),
    cookie: (info) => (given(info) === undefined ? `${name}="${madeFor(info)}"${suffix}` : undefined),
  }
}

/** The same for all requests of a connection, so that several at once do not get different ones. */
function madeFor({ connection }: StreamInfo): string {
  const { remoteAddress, remotePort, localAddress, localPort } = connection
  const text = addressText(remoteAddress, remotePort) + addressText(localAddress, localPort)
  return String(xxHash64(text, new Hash64()))
}

/** The value of a cookie in a `cookie` header. */
export function cookie(header: string, name: string): string | undefined {
  for (const part of header.split(';')) {
    const equals = part.indexOf('=')
    if (equals !== -1 && part.slice(0, equals).trim() === name)
      return part
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}
