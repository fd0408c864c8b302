/** `envoy.filters.http.health_check`: answers health checks in the proxy. */
import { HealthCheckSchema } from '../../../gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { ClusterManager } from '../cluster/cluster-manager.ts'
import { onlyFields, unsupported } from '../config/fields.ts'
import type { HealthState } from '../context.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { type HeaderMatch, headerMatch } from '../match/header.ts'

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
    const minimums = Object.entries(config.clusterMinHealthyPercentages).map(
      // Envoy looks at whole percents.
      ([name, { value }]) => [name, Math.floor(value)] as const,
    )
    const failure = () => (context.health.failed ? 'health_check_failed' : clusterFailure(clusters, minimums))
    const okDetails = minimums.length > 0 ? 'health_check_ok_cluster_healthy' : 'health_check_ok'
    const settings = { matches, failure, okDetails, health: context.health, cluster: byteString(context.node.cluster) }
    return { createFilter: (callbacks) => new HealthCheckFilter(callbacks, settings) }
  },
}

/** The first cluster that is not as healthy as it should be. */
function clusterFailure(clusters: ClusterManager, minimums: readonly (readonly [string, number])[]): string {
  for (const [name, minimum] of minimums) {
    const hosts = clusters.get(name)?.hosts
    if (hosts === undefined) return 'health_check_failed_no_cluster_found'
    if (hosts.length === 0 && minimum > 0) return 'health_check_failed_cluster_empty'
    let able = 0
    for (const host of hosts) if (host.healthy || host.degraded) able++
    if (100 * able < hosts.length * minimum) return 'health_check_failed_cluster_unhealthy'
  }
  return ''
}

interface Settings {
  readonly matches: readonly HeaderMatch[]
  /** What is wrong, as response code details, or '' */
  readonly failure: () => string
  readonly okDetails: string
  readonly health: HealthState
  /** Of the node. */
  readonly cluster: string
}

class HealthCheckFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  #isCheck = false

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const { matches, failure, okDetails } = this.#settings
    for (let i = 0; i < matches.length; i++) if (!matches[i](headers)) return FilterHeadersStatus.Continue
    this.#isCheck = true
    const details = failure()
    if (details === '') this.#callbacks.sendLocalReply(200, '', { details: okDetails })
    else {
      this.#callbacks.streamInfo.responseFlags |= ResponseFlag.FailedLocalHealthCheck
      this.#callbacks.sendLocalReply(503, '', { details })
    }
    return FilterHeadersStatus.StopIteration
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    // Who is asked (`service_name_matcher`), and that nobody has to wait for the next check to know of a failure.
    if (this.#isCheck) headers.put('x-envoy-upstream-healthchecked-cluster', this.#settings.cluster)
    if (this.#settings.health.failed) headers.put('x-envoy-immediate-health-check-fail', 'true')
    return FilterHeadersStatus.Continue
  }
}
