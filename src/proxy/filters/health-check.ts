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
    const minimums = Object.entries(config.clusterMinHealthyPercentages)
    const healthy = () =>
      !context.health.failed &&
      minimums.every(([name, { value }]) => {
        const hosts = clusters.get(name)?.hosts ?? []
        return hosts.length === 0 ? value === 0 : (hosts.filter((h) => h.healthy).length / hosts.length) * 100 >= value
      })
    const settings = { matches, healthy, health: context.health, cluster: byteString(context.node.cluster) }
    return { createFilter: (callbacks) => new HealthCheckFilter(callbacks, settings) }
  },
}

interface Settings {
  readonly matches: readonly HeaderMatch[]
  readonly healthy: () => boolean
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
    const { matches, healthy } = this.#settings
    for (let i = 0; i < matches.length; i++) if (!matches[i](headers)) return FilterHeadersStatus.Continue
    this.#isCheck = true
    const ok = healthy()
    this.#callbacks.sendLocalReply(ok ? 200 : 503, '', { details: ok ? 'health_check_ok' : 'health_check_failed' })
    return FilterHeadersStatus.StopIteration
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    // Who is asked (`service_name_matcher`), and that nobody has to wait for the next check to know of a failure.
    if (this.#isCheck) headers.put('x-envoy-upstream-healthchecked-cluster', this.#settings.cluster)
    if (this.#settings.health.failed) headers.put('x-envoy-immediate-health-check-fail', 'true')
    return FilterHeadersStatus.Continue
  }
}
