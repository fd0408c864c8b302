import type { Config } from './config.ts'

/** A string condition, as both route APIs have it. */
export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly regex: string }
  | { readonly present: true }

/** A `HeaderMatcher`. */
export function headerMatcher(name: string, match: StringMatch, invert = false): Config {
  const invertMatch = invert ? true : undefined
  if ('present' in match) return { name, present_match: true, invert_match: invertMatch }
  // An absent header does not have the value, so an inverted match holds.
  return {
    name,
    string_match: stringMatcher(match),
    invert_match: invertMatch,
    treat_missing_header_as_empty: invertMatch,
  }
}

/** A `QueryParameterMatcher`. */
export function queryMatcher(name: string, match: StringMatch): Config {
  return 'present' in match ? { name, present_match: true } : { name, string_match: stringMatcher(match) }
}

/** A `StringMatcher`. */
export function stringMatcher(match: Exclude<StringMatch, { present: true }>): Config {
  if ('exact' in match) return { exact: match.exact }
  if ('prefix' in match) return { prefix: match.prefix }
  return { safe_regex: { regex: match.regex } }
}
