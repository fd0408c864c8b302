import { type HeaderMatcher, HeaderMatcherSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { bytesRegex } from './regex.ts'
import { bytesMatch, plainMatch, type TextMatch } from './string.ts'

/** Whether a message has the headers that are meant. */
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

/**
 * Compiles a HeaderMatcher. Of a repeated header one line has to match, and none where the match is inverted, as in Envoy: if the lines
 * were joined, another one beside it would hide what a rule forbids.
 */
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
    const flat = headers.flat
    let missing = true
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] !== name) continue
      if (text(flat[i + 1])) return !invertMatch
      missing = false
    }
    if (!missing) return invertMatch
    // A missing header is no match, inverted or not (Envoy 1.14 and later).
    return treatMissingHeaderAsEmpty ? text('') !== invertMatch : false
  }
}

/** What can be one of 64 bits, as absl::SimpleAtoi reads it. */
const INTEGER = /^([+-]?)0*([0-9]{1,19})$/

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
      return (text) => {
        const number = INTEGER.exec(text)
        if (number === null) return false
        const value = BigInt(`${number[1]}${number[2]}`)
        return value >= start && value < end
      }
    }
    case 'stringMatch':
      return bytesMatch(specifier.value, `${path}.string_match`)
    default:
      throw invalid(path, 'a header match is missing')
  }
}
