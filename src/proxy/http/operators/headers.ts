/** Operators that read headers: `%REQ(name?other)%`, `%PATH(…)%`, `%QUERY_PARAMS(…)%`. */
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid } from '../../config/fields.ts'
import type { StreamInfo } from '../stream-info.ts'
import type { Operator } from './operator.ts'

/** Compiles `name?other` for the headers that `map` gives. Throws where `argument` is none. */
export function headerOperator(
  argument: string | undefined,
  path: string,
  map: (info: StreamInfo) => StreamInfo['requestHeaders'],
): Operator {
  // The host has one place, whatever it came as.
  const [first, second, third] = (argument ?? '')
    .toLowerCase()
    .split('?')
    .map((name) => (name === 'host' ? ':authority' : name))
  if (first === '') throw invalid(path, 'a header operator without a name')
  if (third !== undefined) throw invalid(path, `«${argument}» has more than one alternative`)
  for (const name of [first, second ?? '']) {
    if (!/^:?[\w!#$%&'*+.^`|~-]*$/.test(name)) throw invalid(path, `«${name}» is no name of a header`)
  }
  return (info) => {
    const headers = map(info)
    if (headers === undefined) return undefined
    // The first of several values, as in Envoy.
    return value(headers, first) ?? (second === undefined ? undefined : value(headers, second))
  }
}

/** What a request that could not be read, or CONNECT, does not say of itself is no value. */
function value(headers: HeaderMap, name: string): string | undefined {
  const found = headers.get(name)
  return found === '' && name.charCodeAt(0) === 58 ? undefined : found
}

/** `%PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)%` */
export function pathOperator(argument: string, path: string): Operator {
  const [query = '', which = ''] = argument.split(':')
  if (!['', 'WQ', 'NQ'].includes(query)) throw invalid(path, `${query} is neither WQ nor NQ`)
  if (!['', 'ORIG', 'PATH', 'ORIG_OR_PATH'].includes(which))
    throw invalid(path, `${which} is none of ORIG, PATH and ORIG_OR_PATH`)
  return ({ requestHeaders: headers }) => {
    const original = which === 'PATH' ? undefined : headers?.get('x-envoy-original-path')
    const path = original ?? (which === 'ORIG' || headers === undefined ? undefined : value(headers, ':path'))
    return query === 'NQ' ? withoutQuery(path) : path
  }
}

/** For paths that are logged without what clients say in queries (`%PATH(NQ)%`). */
export function withoutQuery(value: string | number | undefined): string | undefined {
  return typeof value === 'string' ? value.replace(/\?.*/, '') : undefined
}

/** Also a percent sign that begins none, with two characters or more behind it: Envoy leaves that out. */
const ESCAPE = /%(?:([0-9a-f]{2})|(?=[\s\S]{2}))/gi
/** What Envoy leaves escaped: all that is not printable, and what no URI has. */
const KEPT = /[^!#-;=?-[\]_-z~]/

function decode(all: string, hex: string | undefined): string {
  if (hex === undefined) return ''
  const byte = String.fromCharCode(Number.parseInt(hex, 16))
  return KEPT.test(byte) ? all : byte
}

/** `%QUERY_PARAMS(ORIG|DECODED)%`: the whole query, as it came or with its escapes read. */
export function queryOperator(argument: string | undefined, path: string): Operator {
  if (argument !== undefined && argument !== 'ORIG' && argument !== 'DECODED')
    throw invalid(path, `${argument} is neither ORIG nor DECODED`)
  const decoded = argument === 'DECODED'
  return ({ requestHeaders: headers }) => {
    const whole = headers === undefined ? undefined : value(headers, ':path')
    const start = whole?.indexOf('?') ?? -1
    if (whole === undefined || start === -1) return undefined
    const query = whole.slice(start + 1)
    return decoded ? query.replace(ESCAPE, decode) : query
  }
}

/** `%REQUESTED_SERVER_NAME(SNI_FIRST|HOST_FIRST|SNI_ONLY:ORIG|HOST|ORIG_OR_HOST)%`: the name that TLS or the request asked for. */
export function serverNameOperator(argument: string, path: string): Operator {
  const [order = '', which = ''] = argument.split(':')
  if (!['', 'SNI_ONLY', 'SNI_FIRST', 'HOST_FIRST'].includes(order))
    throw invalid(path, `${order} is none of SNI_ONLY, SNI_FIRST and HOST_FIRST`)
  if (!['', 'ORIG', 'HOST', 'ORIG_OR_HOST'].includes(which))
    throw invalid(path, `${which} is none of ORIG, HOST and ORIG_OR_HOST`)
  const sni: Operator = (i) => i.connection.requestedServerName || undefined
  if (order === '' || order === 'SNI_ONLY') return sni
  const host: Operator = ({ requestHeaders: headers }) => {
    const original = which === 'HOST' ? undefined : headers?.get('x-envoy-original-host')
    return original ?? (which === 'ORIG' || headers === undefined ? undefined : value(headers, ':authority'))
  }
  return order === 'SNI_FIRST' ? (i) => sni(i) ?? host(i) : (i) => host(i) ?? sni(i)
}
