import {
  type HealthCheck,
  HealthCheckSchema,
} from '../../../gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import type { ClusterManager } from '../cluster/cluster-manager.ts'
import { durationMs, invalid, onlyFields } from '../config/fields.ts'
import type { HealthState } from '../context.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { type HeaderMatch, headerMatch } from '../match/header.ts'
import { sharedMemoryForCells } from '../shared-cells.ts'
import { type CachedAnswer, HealthCheckCache } from './health-check-cache.ts'

/** `envoy.filters.http.health_check`: answers health checks in the proxy. */
export const healthCheck: HttpFilterFactory<typeof HealthCheckSchema> = {
  name: 'envoy.filters.http.health_check',
  configType: HealthCheckSchema,
  prepare: async (config) => (cacheMs(config) > 0 ? sharedMemoryForCells() : undefined),
  create(config, context) {
    check(config)
    const matches = config.headers.map((m, i) => headerMatch(m, `health_check.headers[${i}]`))
    const clusters = context.clusters as ClusterManager
    const minimums = Object.entries(config.clusterMinHealthyPercentages).map(
      // Envoy looks at whole percents.
      ([name, { value }]) => [name, Math.floor(value)] as const,
    )
    const life = cacheMs(config)
    const stats = context.stats.scope(`${context.statPrefix}health_check.`)
    const settings: Settings = {
      matches,
      passThrough: config.passThroughMode === true,
      cache: life > 0 ? new HealthCheckCache(life, context.prepared as SharedArrayBuffer | undefined) : undefined,
      clusterFailure: () => clusterFailure(clusters, minimums),
      okDetails: minimums.length > 0 ? 'health_check_ok_cluster_healthy' : 'health_check_ok',
      health: context.health,
      cluster: byteString(context.node.cluster),
      counters: Object.fromEntries(COUNTERS.map((name) => [name, stats.counter(name)])) as Settings['counters'],
    }
    return { createFilter: (callbacks) => new HealthCheckFilter(callbacks, settings) }
  },
}

function check(config: HealthCheck): void {
  const fields = ['pass_through_mode', 'cache_time', 'cluster_min_healthy_percentages', 'headers']
  onlyFields(HealthCheckSchema, config, fields, 'health_check')
  const { passThroughMode } = config
  if (passThroughMode === undefined) throw invalid('health_check.pass_through_mode', 'must be set, to true or false')
  if (!passThroughMode && cacheMs(config) > 0) {
    throw invalid('health_check.cache_time', 'nothing is cached unless pass_through_mode is true')
  }
  if (passThroughMode && Object.keys(config.clusterMinHealthyPercentages).length > 0) {
    throw invalid('health_check.cluster_min_healthy_percentages', 'says nothing while pass_through_mode is true')
  }
}

function cacheMs({ cacheTime }: HealthCheck): number {
  return durationMs(cacheTime, 0)
}

const COUNTERS = [
  'request_total',
  'failed',
  'ok',
  'cached_response',
  'failed_cluster_not_found',
  'failed_cluster_empty',
  'failed_cluster_unhealthy',
  'degraded',
] as const

/** What can be wrong with clusters, as response code details name it, and its counter. */
const FAILURES = {
  no_cluster_found: 'failed_cluster_not_found',
  cluster_empty: 'failed_cluster_empty',
  cluster_unhealthy: 'failed_cluster_unhealthy',
} as const

type Failure = keyof typeof FAILURES

/** The first cluster that is not as healthy as it should be. */
function clusterFailure(clusters: ClusterManager, minimums: readonly (readonly [string, number])[]): Failure | '' {
  for (const [name, minimum] of minimums) {
    const hosts = clusters.get(name)?.hosts
    if (hosts === undefined) return 'no_cluster_found'
    if (hosts.length === 0 && minimum > 0) return 'cluster_empty'
    let able = 0
    for (const host of hosts) if (host.healthy || host.degraded) able++
    if (100 * able < hosts.length * minimum) return 'cluster_unhealthy'
  }
  return ''
}

interface Settings {
  readonly matches: readonly HeaderMatch[]
  /** Checks go on to the upstream. */
  readonly passThrough: boolean
  /** What the upstream said to them. */
  readonly cache: HealthCheckCache | undefined
  /** What is wrong, or '' */
  readonly clusterFailure: () => Failure | ''
  readonly counters: Readonly<Record<(typeof COUNTERS)[number], Cell>>
  readonly okDetails: string
  readonly health: HealthState
  /** Of the node. */
  readonly cluster: string
}

class HealthCheckFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  #isCheck = false
  /** The answer is the filter's own. */
  #answered = false
  #cached: CachedAnswer | undefined

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { matches, passThrough, cache, health } = this.#settings
    for (let i = 0; i < matches.length; i++) if (!matches[i](headers)) return FilterHeadersStatus.Continue
    this.#isCheck = true
    this.#callbacks.streamInfo.healthCheck = true
    if (passThrough && !health.failed) {
      this.#cached = cache?.get()
      if (this.#cached === undefined) return FilterHeadersStatus.Continue
    }
    this.#answered = true
    if (endStream) this.#answer()
    return FilterHeadersStatus.StopIteration
  }

  /** The answer waits for the end of the request, so that the connection can go on. */
  decodeData(_data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (!this.#answered) return FilterDataStatus.Continue
    if (endStream) this.#answer()
    return FilterDataStatus.StopIterationNoBuffer
  }

  decodeTrailers(): FilterTrailersStatus {
    if (!this.#answered) return FilterTrailersStatus.Continue
    this.#answer()
    return FilterTrailersStatus.StopIteration
  }

  #answer(): void {
    const { clusterFailure, okDetails, health, counters } = this.#settings
    counters.request_total.value++
    const cached = this.#cached
    if (health.failed) this.#reply(503, 'health_check_failed')
    else if (cached !== undefined) {
      counters.cached_response.value++
      if (cached.degraded) counters.degraded.value++
      this.#reply(cached.status, 'health_check_cached', cached.degraded ? markDegraded : undefined)
    } else {
      const failure = clusterFailure()
      if (failure === '') this.#reply(200, okDetails)
      else {
        counters[FAILURES[failure]].value++
        this.#reply(503, `health_check_failed_${failure}`)
      }
    }
  }

  #reply(status: number, details: string, modifyHeaders?: (headers: HeaderMap) => void): void {
    const { counters } = this.#settings
    if (status < 200 || status > 299) {
      counters.failed.value++
      this.#callbacks.streamInfo.responseFlags |= ResponseFlag.FailedLocalHealthCheck
    } else counters.ok.value++
    this.#callbacks.sendLocalReply(status, '', { details, modifyHeaders })
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const { cache, cluster, health } = this.#settings
    // Who is asked (`service_name_matcher`), and that nobody has to wait for the next check to know of a failure.
    if (this.#isCheck) {
      if (!this.#answered && cache !== undefined) keep(cache, headers)
      headers.put('x-envoy-upstream-healthchecked-cluster', cluster)
    }
    if (health.failed) headers.put('x-envoy-immediate-health-check-fail', 'true')
    return FilterHeadersStatus.Continue
  }
}

/** A change of protocols cannot be answered with again, and filters behind this one may have written what is no status. */
function keep(cache: HealthCheckCache, headers: HeaderMap): void {
  const status = headers.get(':status') ?? ''
  if (/^[2-9]\d\d$/.test(status)) cache.put(Number(status), headers.has('x-envoy-degraded'))
}

function markDegraded(headers: HeaderMap): void {
  headers.put('x-envoy-degraded', '')
}
