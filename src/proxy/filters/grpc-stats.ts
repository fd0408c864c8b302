import {
  type FilterConfig,
  FilterConfigSchema,
} from '../../../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { AsyncClient } from '../cluster/async-client.ts'
import { onlyFields } from '../config/fields.ts'
import type { HttpFilter, HttpFilterCallbacks, HttpFilterFactory } from '../http/filter.ts'
import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from '../http/filter-status.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { isGrpc } from '../route/route-match.ts'
import type { StatsScope } from '../stats/scope.ts'
import { GrpcMessageCount } from './grpc-message-count.ts'

const NAME = 'envoy.filters.http.grpc_stats'

/** Method names come from requests; only so many get counters of their own. */
const MAX_METHODS = 500

/** Statuses come from upstreams, who may make them up; beside gRPC's own only so many get counters. */
const MAX_STATUSES = 100
const OWN_STATUS = /^(\d|1[0-6])$/

/** `envoy.filters.http.grpc_stats`: counts gRPC calls and their messages by method and final status. */
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
    const names = new CountedNames(config, context.clusters)
    return { createFilter: (callbacks) => new GrpcStatsFilter(callbacks, names, config.emitFilterState) }
  },
}

/** A service and a method, with nothing else (Envoy's `resolveServiceAndMethod`, which skips empty segments). */
const METHOD = /^\/*([^/?]+)\/+([^/?]+)\/*(?:\?|$)/

/** Which methods and statuses have counters of their own. */
class CountedNames {
  readonly #clusters: AsyncClient
  readonly #all: boolean
  readonly #named: Set<string>
  readonly #statuses = new Set<string>()

  constructor({ perMethodStatSpecifier: { case: which, value } }: FilterConfig, clusters: AsyncClient) {
    this.#clusters = clusters
    this.#all = which === 'statsForAllMethods' && value.value
    const services = which === 'individualMethodStatsAllowlist' ? value.services : []
    this.#named = new Set(services.flatMap(({ name, methodNames }) => methodNames.map((method) => `${name}.${method}`)))
  }

  /** Where a call counts; undefined: nowhere, as it names no method or goes to no cluster. */
  scope(cluster: string, path: string): StatsScope | undefined {
    const stats = this.#clusters.statsOf(cluster)
    const parts = stats && METHOD.exec(path)
    if (!parts) return undefined
    const method = `${parts[1]}.${parts[2]}`
    if (this.#all && this.#named.size < MAX_METHODS) this.#named.add(method)
    return stats.scope(this.#named.has(method) ? `grpc.${method}.` : 'grpc.')
  }

  hasStatus(status: string): boolean {
    if (OWN_STATUS.test(status)) return true
    if (this.#statuses.size < MAX_STATUSES) this.#statuses.add(status)
    return this.#statuses.has(status)
  }
}

class GrpcStatsFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #names: CountedNames
  readonly #emitFilterState: boolean
  #scope: StatsScope | undefined
  #request: GrpcMessageCount | undefined
  #response: GrpcMessageCount | undefined

  constructor(callbacks: HttpFilterCallbacks, names: CountedNames, emitFilterState: boolean) {
    this.#callbacks = callbacks
    this.#names = names
    this.#emitFilterState = emitFilterState
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    if (isGrpc(headers)) {
      this.#request = new GrpcMessageCount()
      this.#scope = this.#names.scope(this.#callbacks.routeCluster(), headers.get(':path') ?? '')
    }
    return FilterHeadersStatus.Continue
  }

  decodeData(data: BodyBuffer): FilterDataStatus {
    this.#read(this.#request, data, 'request_message_count')
    return FilterDataStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    if (!endStream && headers.get(':status') === '200' && isGrpc(headers)) this.#response = new GrpcMessageCount()
    this.#end(headers)
    return FilterHeadersStatus.Continue
  }

  encodeData(data: BodyBuffer): FilterDataStatus {
    this.#read(this.#response, data, 'response_message_count')
    return FilterDataStatus.Continue
  }

  encodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    this.#end(trailers)
    return FilterTrailersStatus.Continue
  }

  /** `emit_filter_state`: how many messages there were each way, where Envoy's formats and Istio's extensions look for it. */
  onLog(info: StreamInfo): void {
    if (!this.#emitFilterState) return
    const [sent, received] = [this.#request?.value ?? 0, this.#response?.value ?? 0]
    // Envoy makes the object with the first message.
    if (sent + received > 0) info.setFilterState(NAME, Buffer.from(`${sent},${received}`))
  }

  #read(messages: GrpcMessageCount | undefined, data: BodyBuffer, counter: string): void {
    if (messages === undefined) return
    const before = messages.value
    messages.read(data)
    if (messages.value > before && this.#scope !== undefined)
      this.#scope.counter(counter).value += messages.value - before
  }

  /** A call without a status is none, whatever became of it. */
  #end(headers: HeaderMap): void {
    if (this.#scope === undefined) return
    const status = headers.get('grpc-status')
    if (status === undefined) return
    if (this.#names.hasStatus(status)) this.#scope.counter(status).value++
    this.#scope.counter(status === '0' ? 'success' : 'failure').value++
    this.#scope.counter('total').value++
  }
}
