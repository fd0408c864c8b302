/** `envoy.filters.http.fault`: delays and aborts a share of the requests. */
import { type HTTPFault, HTTPFaultSchema } from '../../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { FactoryContext } from '../context.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { type HeaderMatch, headerMatch } from '../match/header.ts'
import { fraction } from '../route/route-match.ts'

interface Settings {
  readonly delayMs: number
  readonly delayShare: number
  readonly status: number
  readonly grpcStatus: number | undefined
  readonly abortShare: number
  readonly headers: readonly HeaderMatch[]
  readonly upstreamCluster: string
  readonly maxActive: number
  active: number
  readonly aborts: { value: number }
  readonly delays: { value: number }
}

const FIELDS = [
  'delay',
  'abort',
  'upstream_cluster',
  'headers',
  'max_active_faults',
  'disable_downstream_cluster_stats',
]

export const fault: HttpFilterFactory<typeof HTTPFaultSchema, typeof HTTPFaultSchema> = {
  name: 'envoy.filters.http.fault',
  configType: HTTPFaultSchema,
  routeConfigType: HTTPFaultSchema,
  create(config, context) {
    const settings = compile(config, context)
    return { createFilter: (callbacks) => new FaultFilter(callbacks, settings) }
  },
  createRouteConfig: compile,
}

function compile(config: HTTPFault, context: FactoryContext): Settings {
  onlyFields(HTTPFaultSchema, config, FIELDS, 'fault')
  const { delay, abort } = config
  if (delay?.faultDelaySecifier.case === 'headerDelay')
    throw unsupported('fault.delay.header_delay', 'delays by header')
  if (abort?.errorType.case === 'headerAbort') throw unsupported('fault.abort.header_abort', 'aborts by header')
  if (abort !== undefined && abort.errorType.case === undefined) throw invalid('fault.abort', 'an error is missing')
  const http = abort?.errorType.case === 'httpStatus' ? abort.errorType.value : 200
  if (http < 200 || http > 599) throw invalid('fault.abort.http_status', 'must be 200 to 599')
  const scope = context.stats.scope(`${context.statPrefix}fault.`)
  return {
    delayMs: delay?.faultDelaySecifier.case === 'fixedDelay' ? durationMs(delay.faultDelaySecifier.value, 0) : 0,
    delayShare: delay?.percentage === undefined ? 0 : fraction(delay.percentage),
    status: http,
    grpcStatus: abort?.errorType.case === 'grpcStatus' ? abort.errorType.value : undefined,
    abortShare: abort?.percentage === undefined ? 0 : fraction(abort.percentage),
    headers: config.headers.map((m, i) => headerMatch(m, `fault.headers[${i}]`)),
    upstreamCluster: config.upstreamCluster,
    maxActive: config.maxActiveFaults ?? Number.POSITIVE_INFINITY,
    active: 0,
    aborts: scope.counter('aborts_injected'),
    delays: scope.counter('delays_injected'),
  }
}

class FaultFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #settings: Settings
  #timer: NodeJS.Timeout | undefined
  #counted = false

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const callbacks = this.#callbacks
    const settings = callbacks.routeConfig<Settings>() ?? this.#settings
    this.#settings = settings
    if (settings.upstreamCluster !== '' && callbacks.route()?.clusterName !== settings.upstreamCluster) {
      return FilterHeadersStatus.Continue
    }
    if (!settings.headers.every((match) => match(headers)) || settings.active >= settings.maxActive) {
      return FilterHeadersStatus.Continue
    }
    const delayed = settings.delayMs > 0 && Math.random() < settings.delayShare
    if (!delayed) return this.#abort() ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue
    settings.delays.value++
    settings.active++
    this.#counted = true
    callbacks.streamInfo.responseFlags |= ResponseFlag.DelayInjected
    this.#timer = setTimeout(() => {
      this.#release()
      if (!this.#abort()) callbacks.continueDecoding()
    }, settings.delayMs)
    return FilterHeadersStatus.StopAllIterationAndWatermark
  }

  onDestroy(): void {
    clearTimeout(this.#timer)
    this.#release()
  }

  #abort(): boolean {
    const { status, grpcStatus, abortShare, aborts } = this.#settings
    if (abortShare === 0 || Math.random() >= abortShare) return false
    aborts.value++
    this.#callbacks.streamInfo.responseFlags |= ResponseFlag.FaultInjected
    this.#callbacks.sendLocalReply(status, 'fault filter abort', {
      details: 'fault_filter_abort',
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
    })
    return true
  }

  #release(): void {
    if (!this.#counted) return
    this.#counted = false
    this.#settings.active--
  }
}
