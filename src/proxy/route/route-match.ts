import type { RouteMatch_TlsContextMatchOptions } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import {
  type QueryParameterMatcher,
  type RouteMatch,
  RouteMatchSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { FractionalPercent_DenominatorType as Denominator } from '../../../gen/envoy/type/v3/percent_pb.ts'
import { asciiLower, byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { headerMatch } from '../match/header.ts'
import { bytesRegex } from '../match/regex.ts'
import { bytesMatch, type TextMatch } from '../match/string.ts'
import { metadataMatch } from '../match/value.ts'

/** The path as routes see it: without query and fragment. */
export function pathOnly(path: string): string {
  const query = path.indexOf('?')
  const end = query === -1 ? path.indexOf('#') : query
  return end === -1 ? path : path.slice(0, end)
}

/** What of the path a prefix or path match covered: what a prefix rewrite replaces. */
export interface RouteMatcher {
  readonly kind: 'prefix' | 'path' | 'separated' | 'regex' | 'connect'
  readonly value: string
  matches(path: string, headers: HeaderMap, info?: StreamInfo): boolean
}

const FIELDS = [
  'prefix',
  'path',
  'safe_regex',
  'connect_matcher',
  'path_separated_prefix',
  'case_sensitive',
  'headers',
  'query_parameters',
  'grpc',
  'runtime_fraction',
  'dynamic_metadata',
  'tls_context',
]

type Condition = (headers: HeaderMap, info: StreamInfo | undefined) => boolean

/** Compiles a RouteMatch. */
export function compileRouteMatch(match: RouteMatch | undefined, path: string): RouteMatcher {
  if (match === undefined) throw invalid(path, 'a route match is missing')
  onlyFields(RouteMatchSchema, match, FIELDS, path)
  const pathMatch = compilePath(match, path)
  const conditions: Condition[] = match.headers.map((matcher, i) => headerMatch(matcher, `${path}.headers[${i}]`))
  if (match.queryParameters.length > 0) {
    const query = queryMatch(match.queryParameters, `${path}.query_parameters`)
    conditions.push((headers) => query(queryParameters(headers.get(':path') ?? '')))
  }
  if (match.grpc !== undefined) conditions.push((headers) => isGrpc(headers))
  const fraction = compileFraction(match, path)
  if (fraction !== undefined) conditions.push(() => Math.random() < fraction)
  for (const [i, matcher] of match.dynamicMetadata.entries()) {
    const metadata = metadataMatch(matcher, `${path}.dynamic_metadata[${i}]`)
    conditions.push((_, info) => metadata(info?.dynamicMetadata))
  }
  if (match.tlsContext !== undefined) conditions.push(tlsMatch(match.tlsContext))
  if (conditions.length === 0) return pathMatch
  return {
    kind: pathMatch.kind,
    value: pathMatch.value,
    matches(text, headers, info) {
      if (!pathMatch.matches(text, headers)) return false
      for (const condition of conditions) if (!condition(headers, info)) return false
      return true
    },
  }
}

function compilePath(match: RouteMatch, path: string): RouteMatcher {
  const { pathSpecifier: specifier } = match
  const fold = match.caseSensitive === false
  switch (specifier.case) {
    case 'prefix': {
      const value = fold ? asciiLower(byteString(specifier.value)) : byteString(specifier.value)
      if (value === '/' || value === '') return { kind: 'prefix', value, matches: (text) => text.startsWith(value) }
      return fold
        ? { kind: 'prefix', value, matches: (text) => asciiLower(text.slice(0, value.length)) === value }
        : { kind: 'prefix', value, matches: (text) => text.startsWith(value) }
    }
    case 'path': {
      const value = fold ? asciiLower(byteString(specifier.value)) : byteString(specifier.value)
      return fold
        ? { kind: 'path', value, matches: (text) => asciiLower(pathOnly(text)) === value }
        : { kind: 'path', value, matches: (text) => text.startsWith(value) && pathOnly(text) === value }
    }
    case 'pathSeparatedPrefix': {
      const raw = byteString(specifier.value)
      if (/[?#]/.test(raw) || raw.endsWith('/'))
        throw invalid(`${path}.path_separated_prefix`, 'must not end with / or hold ? or #')
      const value = fold ? asciiLower(raw) : raw
      const matches = (text: string) => {
        const head = fold ? asciiLower(text.slice(0, value.length + 1)) : text
        if (!head.startsWith(value)) return false
        const next = text.charCodeAt(value.length)
        // End of path: nothing, a slash, a query or a fragment.
        return Number.isNaN(next) || next === 47 || next === 63 || next === 35
      }
      return { kind: 'separated', value, matches }
    }
    case 'safeRegex': {
      const regex = bytesRegex(specifier.value, `${path}.safe_regex`)
      return { kind: 'regex', value: '', matches: (text) => regex.matches(pathOnly(text)) }
    }
    case 'connectMatcher':
      return { kind: 'connect', value: '', matches: (_, headers) => headers.get(':method') === 'CONNECT' }
    default:
      throw invalid(path, 'a path match is missing')
  }
}

/** Of a connection without TLS nobody has shown a certificate. */
function tlsMatch({ presented, validated }: RouteMatch_TlsContextMatchOptions): Condition {
  return (_, info) => {
    const tls = info?.connection.tls
    const shown = tls?.peer !== undefined
    const valid = tls?.mtls === true
    return (presented ?? shown) === shown && (validated ?? valid) === valid
  }
}

/** Compiles QueryParameterMatchers, which all have to match. */
export function queryMatch(
  matchers: readonly QueryParameterMatcher[],
  path: string,
): (parameters: ReadonlyMap<string, string>) => boolean {
  const checks = matchers.map((matcher, i) => {
    const where = `${path}[${i}]`
    const specifier = matcher.queryParameterMatchSpecifier
    const text: TextMatch | undefined =
      specifier.case === 'stringMatch' ? bytesMatch(specifier.value, `${where}.string_match`) : undefined
    const present = specifier.case === 'presentMatch' ? specifier.value : true
    return { name: byteString(matcher.name), text, present }
  })
  return (parameters) => {
    for (const { name, text, present } of checks) {
      const value = parameters.get(name)
      if (text === undefined ? (value !== undefined) !== present : value === undefined || !text(value)) return false
    }
    return true
  }
}

/** First value of each query parameter, not decoded: Envoy's parseQueryString. */
export function queryParameters(path: string): Map<string, string> {
  return parameters(path, (text) => text)
}

/** The same with percent encoding undone, in names and values: Envoy's parseAndDecodeQueryString. A plus stays one. */
export function decodedQueryParameters(path: string): Map<string, string> {
  return parameters(path, percentDecoded)
}

/** Decoded as well, but for control characters: no line of a log may hold what looks like another one. */
export function printableQueryParameters(path: string): Map<string, string> {
  return parameters(path, (text) => text.replace(PRINTABLE_ESCAPE, byteOf))
}

/** The bytes behind `%41`; a percent sign that begins no escape stays. */
export function percentDecoded(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%([0-9a-f]{2})/gi, byteOf)
}

const PRINTABLE_ESCAPE = /%(?!7f)([2-9a-f][0-9a-f])/gi

function byteOf(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16))
}

function parameters(path: string, decode: (text: string) => string): Map<string, string> {
  const result = new Map<string, string>()
  const start = path.indexOf('?')
  if (start === -1) return result
  for (const part of path.slice(start + 1).split('&')) {
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals))
    if (!result.has(name)) result.set(name, equals === -1 ? '' : decode(part.slice(equals + 1)))
  }
  return result
}

/** Whether a request is gRPC's, by its content-type (Envoy's isGrpcRequestHeaders): a CONNECT, which has no path, calls no method. */
export function isGrpc(headers: HeaderMap): boolean {
  if (headers.get(':path') === '') return false
  const type = headers.get('content-type')
  return type !== undefined && /^application\/grpc(?:$|\+)/.test(type)
}

const DENOMINATORS: Readonly<Record<number, number>> = {
  [Denominator.HUNDRED]: 100,
  [Denominator.TEN_THOUSAND]: 10_000,
  [Denominator.MILLION]: 1_000_000,
}

/** 0 to 1. Runtime keys have their default values: of runtime layers only limits of connections are read (overload/runtime.ts). */
export function fraction(value: { numerator: number; denominator: Denominator }): number {
  return value.numerator / DENOMINATORS[value.denominator]
}

function compileFraction(match: RouteMatch, path: string): number | undefined {
  if (match.runtimeFraction === undefined) return undefined
  if (match.runtimeFraction.defaultValue === undefined)
    throw unsupported(`${path}.runtime_fraction`, 'no default value')
  return fraction(match.runtimeFraction.defaultValue)
}
