import { HTTPFaultSchema } from '../../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { type FaultSettings, type FaultStats, faultSettings, faultStats } from './fault-config.ts'
import { ResponseRate } from './response-rate.ts'

const NAME = 'envoy.filters.http.fault'

/** `envoy.filters.http.fault`: delays and aborts a share of the requests, and slows their answers down. */
export const fault: HttpFilterFactory<typeof HTTPFaultSchema, typeof HTTPFaultSchema> = {
  name: NAME,
  configType: HTTPFaultSchema,
  routeConfigType: HTTPFaultSchema,
  prepare: async (_, { statPrefix, countMemory }) => countMemory(`${statPrefix}fault`),
  create(config, context) {
    const settings = faultSettings(config)
    const stats = faultStats(context)
    return { createFilter: (callbacks) => new FaultFilter(callbacks, settings, stats) }
  },
  createRouteConfig: (config) => faultSettings(config),
}

class FaultFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #settings: FaultSettings
  /** Of the filter, which a route can only turn off, as in Envoy. */
  readonly #countsClusters: boolean
  readonly #stats: FaultStats
  #timer: NodeJS.Timeout | undefined
  #rate: ResponseRate | undefined
  #counted = false

  constructor(callbacks: HttpFilterCallbacks, settings: FaultSettings, stats: FaultStats) {
    this.#stats = stats
    this.#callbacks = callbacks
    this.#settings = settings
    this.#countsClusters = settings.countsClusters
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const settings = this.#callbacks.routeConfig<FaultSettings>() ?? this.#settings
    this.#settings = settings
    if (!this.#concerns(headers)) return FilterHeadersStatus.Continue
    if (settings.rate?.strikes(headers)) this.#slowDown(settings.rate.of(headers))
    const delayMs = settings.delayMs?.strikes(headers) ? (settings.delayMs.of(headers) ?? 0) : 0
    if (delayMs === 0 || !this.#begin())
      return this.#abort(headers) ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue
    this.#stats.delays.value++
    this.#tell(headers, 'delays_injected', ResponseFlag.DelayInjected)
    this.#timer = setTimeout(() => {
      if (this.#abort(headers)) return
      // What is over counts no longer, and a rate limit is over with the answer.
      if (this.#rate === undefined) this.#release()
      this.#callbacks.continueDecoding()
    }, delayMs)
    return FilterHeadersStatus.StopAllIterationAndWatermark
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#rate === undefined) return FilterDataStatus.Continue
    this.#rate.write(data, endStream)
    return FilterDataStatus.StopIterationNoBuffer
  }

  encodeTrailers(): FilterTrailersStatus {
    return this.#rate?.holdsTrailers() === true ? FilterTrailersStatus.StopIteration : FilterTrailersStatus.Continue
  }

  onDestroy(): void {
    clearTimeout(this.#timer)
    this.#rate?.close()
    this.#release()
  }

  #concerns(headers: HeaderMap): boolean {
    const { upstreamCluster, downstreamNodes, headers: matches } = this.#settings
    if (upstreamCluster !== '' && this.#callbacks.routeCluster() !== upstreamCluster) return false
    if (downstreamNodes.size > 0) {
      const node = headers.get('x-envoy-downstream-service-node')
      if (node === undefined || !downstreamNodes.has(node)) return false
    }
    for (let i = 0; i < matches.length; i++) if (!matches[i](headers)) return false
    return true
  }

  /** All faults of a request count as one; false when there are too many. */
  #begin(): boolean {
    if (this.#counted) return true
    const stats = this.#stats
    if (!stats.count.take(this.#settings.maxActive)) {
      stats.overflows.value++
      return false
    }
    stats.active.value++
    this.#counted = true
    return true
  }

  #slowDown(kibPerSecond: number | undefined): void {
    if (kibPerSecond === undefined || !this.#begin()) return
    this.#stats.rateLimits.value++
    this.#rate = new ResponseRate(this.#callbacks, kibPerSecond)
  }

  #abort(headers: HeaderMap): boolean {
    const { abort } = this.#settings
    if (abort === undefined || !abort.status.strikes(headers)) return false
    const status = abort.status.of(headers)
    const grpcStatus = status === undefined ? abort.grpcStatus.of(headers) : undefined
    if ((status === undefined && grpcStatus === undefined) || !this.#begin()) return false
    this.#stats.aborts.value++
    this.#tell(headers, 'aborts_injected', ResponseFlag.FaultInjected)
    this.#callbacks.sendLocalReply(status ?? 200, 'fault filter abort', {
      details: 'fault_filter_abort',
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
    })
    return true
  }

  #tell(headers: HeaderMap, counter: 'aborts_injected' | 'delays_injected', flag: number): void {
    const { metadata, countsClusters } = this.#settings
    const { streamInfo } = this.#callbacks
    streamInfo.responseFlags |= flag
    streamInfo.setDynamicMetadata(NAME, metadata)
    const cluster = headers.get('x-envoy-downstream-service-cluster') ?? ''
    if (this.#countsClusters && countsClusters && cluster !== '') this.#stats.byCluster.count(cluster, counter)
  }

  #release(): void {
    if (!this.#counted) return
    this.#counted = false
    this.#stats.active.value--
    this.#stats.count.free()
  }
}
