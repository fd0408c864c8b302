import type { ExtAuthz } from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import type { ListStringMatcher } from '../../../../gen/envoy/type/matcher/v3/string_pb.ts'
import { stringMatch, type TextMatch } from '../../match/string.ts'

/** Which headers of a request its authorization server is told. */
export interface HeadersToSend {
  /** `undefined`: no list says. */
  readonly allowed: TextMatch | undefined
  readonly disallowed: TextMatch | undefined
}

/** The filter's own lists, which go before those of an HTTP service. */
export function headersToSend(config: ExtAuthz): HeadersToSend {
  return {
    allowed: anyOf(config.allowedHeaders, 'ext_authz.allowed_headers'),
    disallowed: anyOf(config.disallowedHeaders, 'ext_authz.disallowed_headers'),
  }
}

/** A match of names; `undefined` without patterns. */
export function anyOf(list: ListStringMatcher | undefined, path: string): TextMatch | undefined {
  if (list === undefined || list.patterns.length === 0) return undefined
  const all = list.patterns.map((pattern, i) => stringMatch(pattern, `${path}.patterns[${i}]`))
  return (name) => all.some((match) => match(name))
}
