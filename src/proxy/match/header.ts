import { type HeaderMatcher, HeaderMatcherSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { bytesRegex } from './regex.ts'
import { bytesMatch, plainMatch, type TextMatch } from './string.ts'

export type HeaderMatch = (headers: HeaderMap) => boolean

const FIELDS = [
  'name',
  'exact_match',
  'safe_regex_match',
  'range_match',
  'present_match',
  'prefix_match',
  'suffix_match',
  'contains_match',
  'string_match',
  'invert_match',
  'treat_missing_header_as_empty',
]

/** Compiles a HeaderMatcher. Repeated headers are compared joined by commas, as Envoy does. */
export function headerMatch(matcher: HeaderMatcher, path: string): HeaderMatch {
  onlyFields(HeaderMatcherSchema, matcher, FIELDS, path)
  if (matcher.name === '') throw invalid(`${path}.name`, 'a header name is missing')
  const name = matcher.name.toLowerCase() === 'host' ? ':authority' : matcher.name.toLowerCase()
  const { headerMatchSpecifier: specifier, invertMatch, treatMissingHeaderAsEmpty } = matcher
  if (specifier.case === undefined || specifier.case === 'presentMatch') {
    const present = specifier.case === undefined ? true : specifier.value
    const expected = present !== invertMatch
    return (headers) => (headers.get(name) !== undefined || treatMissingHeaderAsEmpty) === expected
  }
  const text = textMatch(specifier, path)
  return (headers) => {
    const value = headerValue(headers, name)
    // A missing header is no match, inverted or not (Envoy 1.14 and later).
    if (value === undefined) return treatMissingHeaderAsEmpty ? text('') !== invertMatch : false
    return text(value) !== invertMatch
  }
}

/** The value of a header, its repetitions joined. */
export function headerValue(headers: HeaderMap, name: string): string | undefined {
  const flat = headers.flat
  let value: string | undefined
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === name) value = value === undefined ? flat[i + 1] : `${value},${flat[i + 1]}`
  }
  return value
}

function textMatch(specifier: HeaderMatcher['headerMatchSpecifier'], path: string): TextMatch {
  switch (specifier.case) {
    case 'exactMatch':
      return plainMatch('exact', byteString(specifier.value))
    case 'prefixMatch':
    case 'suffixMatch':
    case 'containsMatch': {
      const kind = specifier.case.slice(0, -5) as 'prefix' | 'suffix' | 'contains'
      if (specifier.value === '') throw invalid(`${path}.${kind}_match`, 'is empty, which would match everything')
      return plainMatch(kind, byteString(specifier.value))
    }
    case 'safeRegexMatch': {
      const regex = bytesRegex(specifier.value, `${path}.safe_regex_match`)
      return (text) => regex.matches(text)
    }
    case 'rangeMatch': {
      const { start, end } = specifier.value
      return (text) => /^-?[0-9]{1,19}$/.test(text) && BigInt(text) >= start && BigInt(text) < end
    }
    case 'stringMatch':
      return bytesMatch(specifier.value, `${path}.string_match`)
    default:
      throw invalid(path, 'a header match is missing')
  }
}
