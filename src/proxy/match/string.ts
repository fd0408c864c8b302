import { type StringMatcher, StringMatcherSchema } from '../../../gen/envoy/type/matcher/v3/string_pb.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { regexMatcher } from './regex.ts'

export type TextMatch = (text: string) => boolean

/** Compiles a StringMatcher. */
export function stringMatch(matcher: StringMatcher | undefined, path: string): TextMatch {
  if (matcher === undefined) throw invalid(path, 'a string matcher is missing')
  onlyFields(StringMatcherSchema, matcher, ['exact', 'prefix', 'suffix', 'safe_regex', 'contains', 'ignore_case'], path)
  const { matchPattern, ignoreCase } = matcher
  if (matchPattern.case === 'safeRegex') {
    const regex = regexMatcher(matchPattern.value, `${path}.safe_regex`)
    return (text) => regex.matches(text)
  }
  if (matchPattern.case === undefined || matchPattern.case === 'custom')
    throw invalid(path, 'a match pattern is missing')
  const plain = plainMatch(matchPattern.case, ignoreCase ? matchPattern.value.toLowerCase() : matchPattern.value)
  return ignoreCase ? (text) => plain(text.toLowerCase()) : plain
}

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
