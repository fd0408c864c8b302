import type { HeaderMap } from '../../../base/header-map.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import type { ClusterStats } from '../../cluster/endpoint-host.ts'
import type { HttpStream } from '../../http/stream.ts'
import type { InternalRedirects } from '../../route/internal-redirects.ts'
import type { RouteEntry } from '../../route/route-entry.ts'
import type { StatsScope } from '../../stats/scope.ts'

/** `http.<stat_prefix>.passthrough_internal_redirect_*`: why a redirect was left to the client. */
export interface RedirectStats {
  readonly badLocation: Cell
  readonly noRoute: Cell
  readonly predicate: Cell
  readonly tooMany: Cell
  readonly unsafeScheme: Cell
}

/** The counters of redirects that could not be followed. */
export function redirectStats(stats: StatsScope, prefix: string): RedirectStats {
  const scope = stats.scope(`${prefix}passthrough_internal_redirect_`)
  return {
    badLocation: scope.counter('bad_location'),
    noRoute: scope.counter('no_route'),
    predicate: scope.counter('predicate'),
    tooMany: scope.counter('too_many_redirects'),
    unsafeScheme: scope.counter('unsafe_scheme'),
  }
}

/** What of an absolute URL goes into a request: neither who asks nor a fragment. Of hosts and paths Envoy takes what these are made of. */
const URL_PARTS =
  /^(https?):\/\/(?:[\w.!~*'()%;:&=+$,-]*@)?((?:[a-z0-9.-]+|\[[a-f0-9:.]+\])(?::([0-9]+))?)(\/[!-"$-~]*)?(?:#.*)?$/i
const MAX_PORT = 65_535

/** Whether a redirect is followed, and the request was made one for its target. `able`: the request is complete and at hand. */
export function redirects(
  stream: HttpStream,
  { name, settings }: RouteEntry,
  able: boolean,
  answer: HeaderMap,
  stats: ClusterStats,
  passed: RedirectStats,
): boolean {
  const policy = settings.redirects
  const follows = able && policy !== undefined && redirected(stream, policy, name, answer, passed)
  if (follows) stats.redirectsFollowed.value++
  else stats.redirectsLeft.value++
  return follows
}

/**
 * Makes the request one for where `answer` points to (Envoy's convertRequestHeadersForInternalRedirect); false: the client gets
 * the redirect. The request is the stream's, and stays as it was then.
 */
function redirected(
  stream: HttpStream,
  policy: InternalRedirects,
  routeName: string,
  answer: HeaderMap,
  stats: RedirectStats,
): boolean {
  const headers = stream.requestHeaders
  const location = answer.get('location')
  if (location === undefined || headers.get(':path') === undefined) return false
  const parts = URL_PARTS.exec(location)
  if (parts === null || Number(parts[3] ?? 0) > MAX_PORT) {
    stats.badLocation.value++
    return false
  }
  const [, scheme, authority, , path = '/'] = parts
  // A redirect that was followed before has changed no connection.
  const fromHttps = headers.get(':scheme') === 'https' && stream.info.connection.tls !== undefined
  const toHttps = scheme.toLowerCase() === 'https'
  if (fromHttps !== toHttps && !policy.crossScheme) {
    stats.unsafeScheme.value++
    return false
  }
  stream.redirects ??= { count: 0, targets: new Map() }
  const state = stream.redirects
  if (state.count >= policy.max) {
    stats.tooMany.value++
    return false
  }
  const before = headers.flat.slice()
  const original = `${fromHttps ? 'https' : 'http'}://${headers.get(':authority')}${headers.get(':path')}`
  copyHeaders(policy.copied, answer, headers)
  headers.set(':scheme', toHttps ? 'https' : 'http')
  headers.set(':authority', authority)
  headers.set(':path', path)
  const route = stream.manager.routeFor(stream)
  const allowed = route !== undefined && policy.allows({ from: routeName, to: route.name, fromHttps, toHttps, state })
  if (!allowed) {
    const counter = route === undefined ? stats.noRoute : stats.predicate
    counter.value++
    headers.flat.splice(0, headers.flat.length, ...before)
    headers.version++
    return false
  }
  state.count++
  // The log of this request names both as they are from here on, as in Envoy.
  stream.manager.settleRoute(stream, route)
  headers.put('x-envoy-original-url', original)
  return true
}

/** RFC 9110 15.4.4: what follows a 303 asks for something else. True: without the body. */
export function turnsIntoGet(headers: HeaderMap, status: number): boolean {
  const method = headers.get(':method')
  if (status !== 303 || method === 'GET' || method === 'HEAD') return false
  headers.set(':method', 'GET')
  headers.remove('content-length')
  return true
}

function copyHeaders(names: readonly string[], from: HeaderMap, to: HeaderMap): void {
  for (const name of names) {
    to.remove(name)
    for (const value of from.getAll(name)) to.add(name, value)
  }
}
