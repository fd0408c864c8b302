/** `envoy.filters.http.grpc_stats`: counts gRPC calls by their final status. */
import { FilterConfigSchema } from '../../../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { onlyFields } from '../config/fields.ts'
import type { HttpFilter, HttpFilterFactory } from '../http/filter.ts'
import { FilterDataStatus, FilterHeadersStatus } from '../http/filter-status.ts'
import { grpcStatus } from '../http/operators/grpc.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { isGrpc } from '../route/route-match.ts'
import { GrpcMessageCount } from './grpc-message-count.ts'

const NAME = 'envoy.filters.http.grpc_stats'

/** Method names come from requests; only so many get counters of their own. */
const MAX_METHODS = 500

export const grpcStats: HttpFilterFactory<typeof FilterConfigSchema> = {
  name: NAME,
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
      const scope = context.clusters
        .statsOf(info.upstreamCluster)
        ?.scope(`grpc.${named ? `${service}.${method}.` : ''}`)
      if (scope === undefined) return
      const status = grpcStatus(info) ?? 'unknown'
      scope.counter(status).value++
      scope.counter(status === '0' ? 'success' : 'failure').value++
      scope.counter('total').value++
    }
    if (!config.emitFilterState) return { createFilter: () => ({ onLog }) }
    return { createFilter: () => new MessageCounter(onLog) }
  },
}

/** `emit_filter_state`: how many messages there were each way, where Envoy's formats and Istio's extensions look for it. */
class MessageCounter implements HttpFilter {
  readonly #count: (info: StreamInfo) => void
  #request: GrpcMessageCount | undefined
  #response: GrpcMessageCount | undefined

  constructor(count: (info: StreamInfo) => void) {
    this.#count = count
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    if (isGrpc(headers)) {
      this.#request = new GrpcMessageCount()
      this.#response = new GrpcMessageCount()
    }
    return FilterHeadersStatus.Continue
  }

  decodeData(data: BodyBuffer): FilterDataStatus {
    this.#request?.read(data)
    return FilterDataStatus.Continue
  }

  encodeData(data: BodyBuffer): FilterDataStatus {
    this.#response?.read(data)
    return FilterDataStatus.Continue
  }

  onLog(info: StreamInfo): void {
    if (this.#request !== undefined && this.#response !== undefined)
      info.setFilterState(NAME, Buffer.from(`${this.#request.value},${this.#response.value}`))
    this.#count(info)
  }
}
