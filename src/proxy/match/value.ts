import type { MetadataMatcher } from '../../../gen/envoy/type/matcher/v3/metadata_pb.ts'
import { type ValueMatcher, ValueMatcherSchema } from '../../../gen/envoy/type/matcher/v3/value_pb.ts'
import { valueAt } from '../../base/value-at.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import { stringMatch } from './string.ts'

/** A compiled ValueMatcher. */
type ValueMatch = (value: unknown) => boolean

/** Compiles a ValueMatcher over JSON values. */
function valueMatch(matcher: ValueMatcher | undefined, path: string): ValueMatch {
  if (matcher === undefined) throw invalid(path, 'a value matcher is missing')
  onlyFields(
    ValueMatcherSchema,
    matcher,
    ['null_match', 'double_match', 'string_match', 'bool_match', 'present_match', 'list_match', 'or_match'],
    path,
  )
  const pattern = matcher.matchPattern
  switch (pattern.case) {
    case 'nullMatch':
      return (value) => value === null
    case 'doubleMatch': {
      const number = pattern.value.matchPattern
      if (number.case === 'exact') return (value) => value === number.value
      if (number.case !== 'range') throw invalid(`${path}.double_match`, 'a number is missing')
      const { start, end } = number.value
      return (value) => typeof value === 'number' && value >= start && value < end
    }
    case 'stringMatch': {
      const match = stringMatch(pattern.value, `${path}.string_match`)
      return (value) => typeof value === 'string' && match(value)
    }
    case 'boolMatch':
      return (value) => value === pattern.value
    case 'presentMatch':
      return (value) => (value !== undefined && value !== null) === pattern.value
    case 'listMatch': {
      const one = valueMatch(pattern.value.matchPattern.value, `${path}.list_match.one_of`)
      return (value) => Array.isArray(value) && value.some(one)
    }
    case 'orMatch': {
      const all = pattern.value.valueMatchers.map((m, i) => valueMatch(m, `${path}.or_match.value_matchers[${i}]`))
      return (value) => all.some((match) => match(value))
    }
    default:
      throw invalid(path, 'a match pattern is missing')
  }
}

/** Compiles a MetadataMatcher over metadata by namespace. */
export function metadataMatch(
  matcher: MetadataMatcher,
  path: string,
): (metadata: ReadonlyMap<string, Record<string, unknown>> | undefined) => boolean {
  const keys = matcher.path.map((segment, i) => {
    if (segment.segment.case !== 'key') throw invalid(`${path}.path[${i}]`, 'a key is missing')
    return segment.segment.value
  })
  const match = valueMatch(matcher.value, `${path}.value`)
  return (metadata) => {
    return match(valueAt(metadata?.get(matcher.filter), keys)) !== matcher.invert
  }
}
