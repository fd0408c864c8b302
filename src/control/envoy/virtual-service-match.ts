import { durationMs } from '../model/duration.ts'
import type { Config } from './config.ts'
import { headerMatcher, queryMatcher, type StringMatch, stringMatcher } from './route-match.ts'

// biome-ignore lint/suspicious/noExplicitAny: an HTTPMatchRequest that the API server has checked against its CRD
type HttpMatch = Record<string, any>

/** The `RouteMatch` of one entry of a VirtualService's `match`; no entry matches all. */
export function routeMatch(match: HttpMatch | undefined): Config {
  if (match === undefined) return { prefix: '/' }
  const headers: Config[] = []
  for (const [name, value] of entries(match['headers'])) headers.push(headerMatcher(name, stringMatch(value)))
  for (const [name, value] of entries(match['withoutHeaders']))
    headers.push(headerMatcher(name, stringMatch(value), true))
  for (const [field, header] of [
    ['method', ':method'],
    ['authority', ':authority'],
    ['scheme', ':scheme'],
  ]) {
    if (match[field] != null) headers.push(headerMatcher(header, stringMatch(match[field])))
  }
  const query = entries(match['queryParams']).map(([name, value]) => queryMatcher(name, stringMatch(value)))
  return {
    ...pathMatch(match['uri'], match['ignoreUriCase'] === true),
    headers: headers.length === 0 ? undefined : headers,
    query_parameters: query.length === 0 ? undefined : query,
  }
}

function pathMatch(uri: HttpMatch | undefined, ignoreCase: boolean): Config {
  const caseSensitive = ignoreCase ? false : undefined
  if (uri == null) return { prefix: '/' }
  const match = stringMatch(uri)
  if ('exact' in match) return { path: match.exact, case_sensitive: caseSensitive }
  if ('prefix' in match) return { prefix: match.prefix, case_sensitive: caseSensitive }
  if ('regex' in match) return { safe_regex: { regex: match.regex } }
  return { prefix: '/' }
}

function entries(map: Record<string, HttpMatch> | undefined): [string, HttpMatch][] {
  return Object.entries(map ?? {})
}

/** An empty match means that the name is there at all. */
function stringMatch(match: HttpMatch | null): StringMatch {
  if (typeof match?.['exact'] === 'string') return { exact: match['exact'] }
  if (typeof match?.['prefix'] === 'string') return { prefix: match['prefix'] }
  // Envoy's regex for «anything» costs a match per request; presence says the same.
  if (typeof match?.['regex'] === 'string')
    return match['regex'] === '*' ? { present: true } : { regex: match['regex'] }
  return { present: true }
}

/** CorsPolicy of a VirtualService as Envoy's per-route config. */
export function corsPolicy(cors: HttpMatch): Config {
  const origins = (cors['allowOrigins'] ?? []).map((origin: HttpMatch) => {
    const match = stringMatch(origin)
    return stringMatcher('present' in match ? { regex: '.*' } : match)
  })
  const join = (list: string[] | undefined) => (list === undefined ? undefined : list.join(','))
  return {
    allow_origin_string_match: origins,
    allow_methods: join(cors['allowMethods']),
    allow_headers: join(cors['allowHeaders']),
    expose_headers: join(cors['exposeHeaders']),
    max_age: cors['maxAge'] === undefined ? undefined : String(maxAgeSeconds(cors['maxAge'])),
    allow_credentials: cors['allowCredentials'],
    forward_not_matching_preflights: cors['unmatchedPreflights'] !== 'IGNORE',
  }
}

function maxAgeSeconds(duration: string): number {
  return Math.floor((durationMs(duration) ?? 0) / 1000)
}
