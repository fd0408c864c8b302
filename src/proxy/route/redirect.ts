import { type RedirectAction, RedirectActionSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { onlyFields } from '../config/fields.ts'
import type { DirectAnswer } from './route-entry.ts'

const FIELDS = [
  'https_redirect',
  'scheme_redirect',
  'host_redirect',
  'port_redirect',
  'path_redirect',
  'prefix_rewrite',
  'regex_rewrite',
  'response_code',
  'strip_query',
]

const CODES = [301, 302, 303, 307, 308]

/**
 * The answer of a route that redirects (Envoy's `newUri`). Its location is made of a request whose path has been rewritten by then,
 * as that of one that is forwarded.
 */
export function redirect(action: RedirectAction, path: string): DirectAnswer {
  onlyFields(RedirectActionSchema, action, FIELDS, path)
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: rewrite } = action
  const https = scheme.case === 'httpsRedirect' && scheme.value
  const newScheme = https ? 'https' : scheme.case === 'schemeRedirect' ? byteString(scheme.value) : ''
  const hostRedirect = byteString(action.hostRedirect)
  const newPort = action.portRedirect === 0 ? '' : `:${action.portRedirect}`
  const newPath = rewrite.case === 'pathRedirect' ? byteString(rewrite.value) : ''
  const location = (request: HeaderMap): string => {
    const scheme = newScheme || (request.get(':scheme') ?? '')
    const host = hostRedirect || hostWithout(request, scheme, newPort !== '')
    const rest = target(request.get(':path') ?? '', newPath, action.stripQuery)
    return `${scheme}://${host}${newPort}${rest.startsWith('/') ? '' : '/'}${rest}`
  }
  return { status: CODES[action.responseCode] ?? 301, body: undefined, location }
}

/** The request's host, without a port that gets replaced, or that is the default one of a scheme that gets replaced. */
function hostWithout(request: HeaderMap, newScheme: string, newPort: boolean): string {
  const authority = request.get(':authority') ?? ''
  const colon = authority.lastIndexOf(':')
  if (colon === -1 || authority.endsWith(']')) return authority
  const port = authority.slice(colon + 1)
  // By what the client used, which a proxy in front may know better than the target.
  const used = request.get('x-forwarded-proto')
  const goes = used !== newScheme && ((used === 'https' && port === '443') || (used === 'http' && port === '80'))
  return newPort || goes ? authority.slice(0, colon) : authority
}

/** A query of `newPath` stands in place of the request's, and stays. */
function target(path: string, newPath: string, stripQuery: boolean): string {
  if (newPath.includes('?')) return newPath
  const query = path.indexOf('?')
  if (newPath === '') return stripQuery && query !== -1 ? path.slice(0, query) : path
  return stripQuery || query === -1 ? newPath : newPath + path.slice(query)
}
