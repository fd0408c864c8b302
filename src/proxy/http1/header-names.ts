import { internalized } from '../../base/internalized.ts'
import { CodecError } from './codec-error.ts'

/** Headers that the codec itself reads. Other names have id 0. */
export const HeaderId = {
  Other: 0,
  ContentLength: 1,
  TransferEncoding: 2,
  Connection: 3,
  Host: 4,
  Expect: 5,
  Upgrade: 6,
  KeepAlive: 7,
  ProxyConnection: 8,
  Te: 9,
  Http2Settings: 10,
} as const

/** A header name as it was written, resolved once: lower case, interned, and known or not. */
export interface HeaderName {
  readonly name: string
  readonly id: number
}

const KNOWN: readonly (readonly [string, number])[] = [
  ['content-length', HeaderId.ContentLength],
  ['transfer-encoding', HeaderId.TransferEncoding],
  ['connection', HeaderId.Connection],
  ['host', HeaderId.Host],
  ['expect', HeaderId.Expect],
  ['upgrade', HeaderId.Upgrade],
  ['keep-alive', HeaderId.KeepAlive],
  ['proxy-connection', HeaderId.ProxyConnection],
  ['te', HeaderId.Te],
  ['http2-settings', HeaderId.Http2Settings],
]

const known = new Map<string, HeaderName>(KNOWN.map(([name, id]) => [name, { name, id }]))

/** Peers choose header names, so the cache of spellings stops growing at this many. */
const MAX_CACHED = 1024
const cache = new Map<string, HeaderName>()

/** RFC 9110 5.6.2: token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** RFC 9110 5.6.2: what a name of a header, and a method, may be. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** Resolves a name as it stands on the wire; throws on anything that is no token (RFC 9112 5.1: no space before the colon). */
export function headerName(raw: string): HeaderName {
  const cached = cache.get(raw)
  if (cached !== undefined) return cached
  if (!TOKEN.test(raw)) throw new CodecError('http1.codec_error', 'header name is not a token')
  const lower = internalized(raw.toLowerCase())
  const name = known.get(lower) ?? cache.get(lower) ?? { name: lower, id: HeaderId.Other }
  if (cache.size < MAX_CACHED && raw.length <= 64) cache.set(raw, name)
  return name
}
