import { type Router, RouterSchema } from '../../../../gen/envoy/extensions/filters/http/router/v3/router_pb.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import { onlyFields } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import type { HttpFilterCallbacks, HttpFilterConfig, HttpFilterFactory } from '../../http/filter.ts'
import type { FilterHandle } from '../../http/filter-handle.ts'
import { type RouterStats, routerStats } from './destination.ts'
import { RouterFilter } from './filter.ts'
import { type RedirectStats, redirectStats } from './redirect.ts'

/** The settings of a router, read once. */
export interface RouterConfig {
  /** Neither reads nor writes headers of Envoy's own. */
  readonly suppress: boolean
  /** Counts what upstreams answer and how long it takes them. */
  readonly dynamicStats: boolean
  /** An Envoy in front has already said how long the request may take. */
  readonly respectExpected: boolean
  /** A span for each upstream request (deprecated; `spawn_upstream_span` of the connection manager says it now). */
  readonly childSpan: boolean
  readonly stats: RouterStats
  readonly redirectStats: RedirectStats
  /** Calls of gRPC that broke between their beginning and their status (Envoy's chargeUpstreamAbort, which counts no others). */
  readonly brokenCalls: Cell
}

/** `envoy.filters.http.router`, the end of every chain. */
export const router: HttpFilterFactory<typeof RouterSchema> = {
  name: 'envoy.filters.http.router',
  configType: RouterSchema,
  terminal: true,
  create(proto: Router, context: FactoryContext): HttpFilterConfig {
    onlyFields(
      RouterSchema,
      proto,
      ['dynamic_stats', 'start_child_span', 'suppress_envoy_headers', 'respect_expected_rq_timeout'],
      'router',
    )
    const clusters = context.clusters as ClusterManager
    const config: RouterConfig = {
      suppress: proto.suppressEnvoyHeaders,
      dynamicStats: proto.dynamicStats ?? true,
      respectExpected: proto.respectExpectedRqTimeout,
      childSpan: proto.startChildSpan,
      stats: routerStats(context.stats.scope(context.statPrefix)),
      redirectStats: redirectStats(context.stats, context.statPrefix),
      brokenCalls: context.stats.scope(context.statPrefix).counter('rq_reset_after_downstream_response_started'),
    }
    return {
      createFilter: (callbacks: HttpFilterCallbacks) => new RouterFilter(callbacks as FilterHandle, clusters, config),
    }
  },
}
