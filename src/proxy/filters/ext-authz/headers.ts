import type { ExtAuthz } from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import type { ListStringMatcher } from '../../../../gen/envoy/type/matcher/v3/string_pb.ts'
import { invalid } from '../../config/fields.ts'
import { stringMatch, type TextMatch } from '../../match/string.ts'

/** Which headers of a request its authorization server is told. */
export interface HeadersToSend {
  /** `undefined`: no list says. */
  readonly allowed: TextMatch | undefined
  readonly disallowed: TextMatch | undefined
}

/** Whether the body that the service is told is all of it: not for a client to say. */
export const PARTIAL_BODY = 'x-envoy-auth-partial-body'

/** The filter's own lists; that of what is allowed may stand in the older place of an HTTP service instead. */
export function headersToSend(config: ExtAuthz): HeadersToSend {
  const older =
    config.services.case === 'httpService' ? config.services.value.authorizationRequest?.allowedHeaders : undefined
  const olderPath = 'ext_authz.http_service.authorization_request.allowed_headers'
  if (older !== undefined && config.allowedHeaders !== undefined)
    throw invalid(olderPath, 'stands beside ext_authz.allowed_headers, which says the same')
  return {
    allowed: anyOf(older, olderPath) ?? anyOf(config.allowedHeaders, 'ext_authz.allowed_headers'),
    disallowed: anyOf(config.disallowedHeaders, 'ext_authz.disallowed_headers'),
  }
}

/** A match of names; `undefined` without a list. */
export function anyOf(list: ListStringMatcher | undefined, path: string): TextMatch | undefined {
  if (list === undefined) return undefined
  if (list.patterns.length === 0) throw invalid(`${path}.patterns`, 'at least one is needed')
  const all = list.patterns.map((pattern, i) => stringMatch(pattern, `${path}.patterns[${i}]`))
  return (name) => all.some((match) => match(name))
}
