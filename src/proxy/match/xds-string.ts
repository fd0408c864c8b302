import { create } from '@bufbuild/protobuf'
import { RegexMatcherSchema } from '../../../gen/envoy/type/matcher/v3/regex_pb.ts'
import { StringMatcherSchema } from '../../../gen/envoy/type/matcher/v3/string_pb.ts'
import {
  type StringMatcher as XdsStringMatcher,
  StringMatcherSchema as XdsStringMatcherSchema,
} from '../../../gen/xds/type/matcher/v3/string_pb.ts'
import { onlyFields } from '../config/fields.ts'
import { bytesMatch, type TextMatch } from './string.ts'

const FIELDS = ['exact', 'prefix', 'suffix', 'safe_regex', 'contains', 'ignore_case']

/** xDS's StringMatcher, which means what Envoy's own does. */
export function xdsBytesMatch(matcher: XdsStringMatcher, path: string): TextMatch {
  onlyFields(XdsStringMatcherSchema, matcher, FIELDS, path)
  const { matchPattern: pattern, ignoreCase } = matcher
  const matchPattern =
    pattern.case === 'safeRegex'
      ? { case: pattern.case, value: create(RegexMatcherSchema, { regex: pattern.value.regex }) }
      : pattern
  return bytesMatch(create(StringMatcherSchema, { matchPattern, ignoreCase }), path)
}
