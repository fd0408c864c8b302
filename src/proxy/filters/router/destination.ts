import type { HeaderMap } from '../../../base/header-map.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import type { FilterHandle } from '../../http/filter-handle.ts'
import { ResponseFlag } from '../../http/stream-info.ts'
import type { DirectAnswer, RouteEntry } from '../../route/route-entry.ts'
import type { StatsScope } from '../../stats/scope.ts'

/** `http.<stat_prefix>.*`: where requests were sent from here. */
export interface RouterStats {
  readonly all: Cell
  readonly noRoute: Cell
  readonly noCluster: Cell
  /** Redirects, too. */
  readonly direct: Cell
}

/** Envoy counts them beside the connection manager's: `scope` is `http.<stat_prefix>.` */
export function routerStats(scope: StatsScope): RouterStats {
  return {
    all: scope.counter('rq_total'),
    noRoute: scope.counter('no_route'),
    noCluster: scope.counter('no_cluster'),
    direct: scope.counter('rq_direct_response'),
  }
}

/** The cluster that a request goes to; undefined where it goes nowhere, which it is told. */
export function destination(
  callbacks: FilterHandle,
  route: RouteEntry | undefined,
  clusters: ClusterManager,
  headers: HeaderMap,
  suppress: boolean,
  stats: RouterStats,
): Cluster | undefined {
  const { info } = callbacks.stream
  if (route === undefined) {
    stats.noRoute.value++
    info.responseFlags |= ResponseFlag.NoRouteFound
    return refuse(callbacks, 404, '', 'route_not_found')
  }
  const { direct, clusterNotFoundCode } = route.settings
  if (direct !== undefined) {
    stats.direct.value++
    route.rewritePath(headers, suppress)
    return answerDirect(callbacks, direct)
  }
  const cluster = clusters.get(info.routeCluster)
  if (cluster === undefined) {
    stats.noCluster.value++
    info.responseFlags |= ResponseFlag.NoClusterFound
    return refuse(callbacks, clusterNotFoundCode, '', 'cluster_not_found')
  }
  const missing = missingHeader(headers)
  if (missing === undefined) return cluster
  const details = `filter_removed_required_request_headers{missing_required_header:_${missing}}`
  return refuse(callbacks, 503, `missing required header: ${missing}`, details)
}

/** Answers for a route that redirects or responds by itself, by the path as it is by now. */
function answerDirect(callbacks: FilterHandle, { status, body, location }: DirectAnswer): undefined {
  const target = location?.(callbacks.stream.requestHeaders)
  callbacks.sendLocalReply(status, body?.latin1Slice() ?? '', {
    details: 'direct_response',
    ...(target === undefined ? {} : { modifyHeaders: (headers: HeaderMap) => headers.set('location', target) }),
  })
}

/**
 * What a request cannot do without; a filter may have taken it away. The authority, which Envoy asks of CONNECT only, too: RFC 9112 3.2 has
 * a client send Host.
 */
function missingHeader(headers: HeaderMap): string | undefined {
  const method = headers.get(':method')
  if (!method) return ':method'
  if (headers.get(':authority') === undefined) return ':authority'
  return method === 'CONNECT' || headers.get(':path') ? undefined : ':path'
}

function refuse(callbacks: FilterHandle, code: number, body: string, details: string): undefined {
  callbacks.sendLocalReply(code, body, { details })
}
