import type { HeaderMap } from '../../base/header-map.ts'
import { InternTable } from '../../base/intern.ts'
import { internalized } from '../../base/internalized.ts'
import { MAP } from './constants.ts'

/**
 * What a module may write into headers. A name or value that the codec would have to write as something else - a line end, a second
 * length - is refused here, where the module is told so (CVE-2022-31045 is of this class).
 */
export interface HeaderName {
  /** Lower case; `host` of a request is `:authority`, as in Envoy. */
  readonly name: string
  /** May be written: a token (RFC 9110 5.6.2) or one of the pseudo headers. */
  readonly valid: boolean
  readonly special: boolean
}

/** A value that a module writes, looked at once. */
export interface HeaderValue {
  readonly text: string
  readonly ascii: boolean
  /** No CR, LF or NUL (RFC 9110 5.5). */
  readonly valid: boolean
  /** What a codec may have read: it need not be looked at again before it goes on a wire, over HTTP/2 neither. */
  readonly plain: boolean
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const UNSAFE = /[\0\r\n]/
const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/

const REQUEST_PSEUDO = new Set([':authority', ':method', ':path', ':scheme', ':protocol'])

/** Framing and connection headers, and those that the codecs read: each has a rule of its own below. */
const SPECIAL = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'proxy-connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'host',
])

/** Names as modules write them: the same few come again with every request. */
export const headerNames: InternTable<HeaderName> = new InternTable((text) => {
  const name = internalized(text.toLowerCase())
  const pseudo = REQUEST_PSEUDO.has(name) || name === ':status'
  return { name, valid: pseudo || TOKEN.test(name), special: pseudo || SPECIAL.has(name) }
})

/** Likewise values. */
export const headerValues: InternTable<HeaderValue> = new InternTable((text) => ({
  text,
  ascii: isAscii(text),
  valid: isSafeValue(text),
  plain: PLAIN.test(text),
}))

/** Without CR, LF or NUL, at which a codec would end the line, or refuse the whole message (RFC 9110 5.5). */
export function isSafeValue(text: string): boolean {
  return !UNSAFE.test(text)
}

/** Whether all of it is below 0x80. Short texts are looked through here, long ones by Node: whichever is faster. */
export function isAscii(text: string): boolean {
  const length = text.length
  if (length > 20) return Buffer.byteLength(text) === length
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/** True when `name: value` may be written to this map; ordinary headers do not come here. */
export function specialAllowed(map: number, current: HeaderMap, name: string, value: string): boolean {
  if (current.get(name) === value) return true // set_header_map_pairs gives back what was there
  switch (name) {
    case ':method':
      return map === MAP.requestHeaders && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value)
    case ':path':
      return map === MAP.requestHeaders && /^[\x21-\x7e\x80-\xff]+$/.test(value)
    case ':scheme':
      return map === MAP.requestHeaders && (value === 'http' || value === 'https')
    case ':authority':
    case 'host':
      return map === MAP.requestHeaders && /^[\x21-\x7e]*$/.test(value) && !/[/?#@\\]/.test(value)
    case ':protocol':
      return map === MAP.requestHeaders && TOKEN.test(value.toLowerCase())
    case ':status':
      return map === MAP.responseHeaders && /^[2-9]\d\d$/.test(value)
    case 'content-length':
      return (map === MAP.requestHeaders || map === MAP.responseHeaders) && /^\d{1,15}$/.test(value)
    case 'connection':
      return map === MAP.responseHeaders && (value === 'close' || value === 'keep-alive')
    case 'te':
      return map === MAP.requestHeaders && value === 'trailers'
    default:
      // transfer-encoding, upgrade, trailer, keep-alive, proxy-connection: the codec's own.
      return false
  }
}

/** Headers of which a message has one: adding replaces. Envoy joins some of them with a comma, which would be a second value. */
export function isSingle(name: string): boolean {
  return name.charCodeAt(0) === 0x3a || name === 'content-length' || name === 'host'
}

/** `host` of a request is another name of `:authority`. */
export function canonicalName(map: number, name: string): string {
  return name === 'host' && map === MAP.requestHeaders ? ':authority' : name
}
