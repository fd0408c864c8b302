import { type StringMatcher, StringMatcherSchema } from '../../../gen/envoy/type/matcher/v3/string_pb.ts'
import { asciiLower, byteString } from '../../base/byte-string.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { bytesRegex, regexMatcher } from './regex.ts'

/** Whether a text is one that is meant. */
export type TextMatch = (text: string) => boolean

/** Compiles a StringMatcher for text. */
export function stringMatch(matcher: StringMatcher | undefined, path: string): TextMatch {
  return compile(matcher, path, false)
}

/** Compiles a StringMatcher for byte strings, which headers and paths are; Envoy compares the bytes of both. */
export function bytesMatch(matcher: StringMatcher | undefined, path: string): TextMatch {
  return compile(matcher, path, true)
}

function compile(matcher: StringMatcher | undefined, path: string, bytes: boolean): TextMatch {
  if (matcher === undefined) throw invalid(path, 'a string matcher is missing')
  onlyFields(StringMatcherSchema, matcher, ['exact', 'prefix', 'suffix', 'safe_regex', 'contains', 'ignore_case'], path)
  const { matchPattern, ignoreCase } = matcher
  if (matchPattern.case === 'safeRegex') {
    if (ignoreCase) throw invalid(`${path}.ignore_case`, 'has no effect on safe_regex; write (?i) into the expression')
    const regex = (bytes ? bytesRegex : regexMatcher)(matchPattern.value, `${path}.safe_regex`)
    return (text) => regex.matches(text)
  }
  if (matchPattern.case === undefined || matchPattern.case === 'custom')
    throw invalid(path, 'a match pattern is missing')
  if (matchPattern.value === '' && matchPattern.case !== 'exact')
    throw invalid(`${path}.${matchPattern.case}`, 'is empty, which would match everything')
  const value = bytes ? byteString(matchPattern.value) : matchPattern.value
  const plain = plainMatch(matchPattern.case, ignoreCase ? asciiLower(value) : value)
  return ignoreCase ? (text) => plain(asciiLower(text)) : plain
}

/** For what is compared as it is. */
export function plainMatch(kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string): TextMatch {
  switch (kind) {
    case 'exact':
      return (text) => text === value
    case 'prefix':
      return (text) => text.startsWith(value)
    case 'suffix':
      return (text) => text.endsWith(value)
    case 'contains':
      return (text) => text.includes(value)
  }
}
