/** `envoy.filters.http.grpc_stats`: counts gRPC calls by their final status. */
import { FilterConfigSchema } from '../../../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import { onlyFields } from '../config/fields.ts'
import type { HttpFilterFactory } from '../http/filter.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { grpcStatus } from '../http/substitution.ts'
import { isGrpc } from '../route/route-match.ts'

/** Method names come from requests; only so many get counters of their own. */
const MAX_METHODS = 500

export const grpcStats: HttpFilterFactory<typeof FilterConfigSchema> = {
  name: 'envoy.filters.http.grpc_stats',
  configType: FilterConfigSchema,
  create(config, context) {
    onlyFields(
      FilterConfigSchema,
      config,
      ['stats_for_all_methods', 'individual_method_stats_allowlist', 'emit_filter_state'],
      'grpc_stats',
    )
    const specifier = config.perMethodStatSpecifier
    const all = specifier.case === 'statsForAllMethods' && specifier.value.value
    const listed = new Set(
      specifier.case === 'individualMethodStatsAllowlist'
        ? specifier.value.services.flatMap(({ name, methodNames }) => methodNames.map((method) => `/${name}/${method}`))
        : [],
    )
    const known = new Set<string>()
    const onLog = (info: StreamInfo) => {
      const headers = info.requestHeaders
      if (headers === undefined || !isGrpc(headers) || info.upstreamCluster === '') return
      const path = headers.get(':path') ?? ''
      const named = listed.has(path) || (all && (known.has(path) || known.size < MAX_METHODS))
      if (named) known.add(path)
      const [, service, method] = named ? path.split('/') : []
      const scope = context.stats.scope(`cluster.${info.upstreamCluster}.grpc.${named ? `${service}.${method}.` : ''}`)
      const status = grpcStatus(info) ?? 'unknown'
      scope.counter(status).value++
      scope.counter(status === '0' ? 'success' : 'failure').value++
      scope.counter('total').value++
    }
    return { createFilter: () => ({ onLog }) }
  },
}
