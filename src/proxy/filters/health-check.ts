/** `envoy.filters.http.health_check`: answers health checks in the proxy. */
import { HealthCheckSchema } from '../../../gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { ClusterManager } from '../cluster/cluster-manager.ts'
import { onlyFields, unsupported } from '../config/fields.ts'
import { FilterHeadersStatus, type HttpFilterFactory } from '../http/filter.ts'
import { headerMatch } from '../match/header.ts'

export const healthCheck: HttpFilterFactory<typeof HealthCheckSchema> = {
  name: 'envoy.filters.http.health_check',
  configType: HealthCheckSchema,
  create(config, context) {
    onlyFields(
      HealthCheckSchema,
      config,
      ['pass_through_mode', 'cluster_min_healthy_percentages', 'headers'],
      'health_check',
    )
    if (config.passThroughMode ?? false) throw unsupported('health_check.pass_through_mode', 'passing checks through')
    const matches = config.headers.map((m, i) => headerMatch(m, `health_check.headers[${i}]`))
    const clusters = context.clusters as ClusterManager
    const minimums = Object.entries(config.clusterMinHealthyPercentages)
    const healthy = () =>
      !context.health.failed &&
      minimums.every(([name, { value }]) => {
        const hosts = clusters.get(name)?.hosts ?? []
        return hosts.length === 0 ? value === 0 : (hosts.filter((h) => h.healthy).length / hosts.length) * 100 >= value
      })
    return {
      createFilter: (callbacks) => ({
        decodeHeaders(headers: HeaderMap) {
          if (!matches.every((match) => match(headers))) return FilterHeadersStatus.Continue
          const ok = healthy()
          callbacks.sendLocalReply(ok ? 200 : 503, '', { details: ok ? 'health_check_ok' : 'health_check_failed' })
          return FilterHeadersStatus.StopIteration
        },
      }),
    }
  },
}
