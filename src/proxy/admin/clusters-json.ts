/** `/clusters?format=json`: fields in the order of their protos, without those that have their default values, as Envoy writes them. */
import { HealthFlag } from '../cluster/health-flag.ts'
import type { SuccessRates } from '../cluster/outlier/success-rate.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { ClusterStatus, HostStatus, LimitsStatus } from '../worker/protocol.ts'
import { mergeClusters } from './clusters.ts'

/** Envoy's `admin.v3.Clusters` of the clusters whose name is wanted. */
export function clustersJson(
  workers: readonly (readonly ClusterStatus[])[],
  config: ConfigManager,
  wanted: RegExp,
): unknown {
  return {
    cluster_statuses: mergeClusters(workers, wanted).map(({ name, hosts, limits, rates }) => ({
      name,
      ...told('added_via_api', config.clusters.get(name)?.version !== ''),
      ...threshold('success_rate_ejection_threshold', rates?.external),
      ...(hosts.length > 0 && { host_statuses: hosts.map(hostJson) }),
      ...threshold('local_origin_success_rate_ejection_threshold', rates?.local),
      circuit_breakers: {
        thresholds: [thresholdsJson(limits.default), { priority: 'HIGH', ...thresholdsJson(limits.high) }],
      },
      observability_name: name,
    })),
  }
}

function hostJson(host: HostStatus): unknown {
  return {
    address: addressJson(host.address),
    stats: [
      metric('cx_connect_fail', host.connectFailures),
      metric('cx_total', host.connects),
      metric('rq_error', host.errors),
      metric('rq_success', host.successes),
      metric('rq_timeout', host.timeouts),
      metric('rq_total', host.requests),
      { type: 'GAUGE', ...metric('cx_active', host.connections) },
      { type: 'GAUGE', ...metric('rq_active', host.active) },
      { type: 'GAUGE', ...metric('rq_pending_active', host.pending) },
    ],
    health_status: healthStatus(host.healthFlags),
    ...percent('success_rate', host.successRate),
    weight: host.weight,
    ...told('hostname', host.hostname),
    ...told('priority', host.priority),
    ...percent('local_origin_success_rate', host.localSuccessRate),
    locality: { ...told('region', host.region), ...told('zone', host.zone), ...told('sub_zone', host.subZone) },
  }
}

/** A field, unless it has its default value. */
function told(name: string, value: string | number | boolean): Record<string, unknown> {
  return value === '' || value === 0 || value === false ? {} : { [name]: value }
}

/** `envoy.type.v3.Percent`, which is there for 0, too; less is not known. */
function percent(name: string, value: number): Record<string, unknown> {
  return value < 0 ? {} : { [name]: told('value', value) }
}

/** Unlike a rate, no threshold of 0 is told. */
function threshold(name: string, rates: SuccessRates | undefined): Record<string, unknown> {
  return rates === undefined || rates.threshold <= 0 ? {} : percent(name, rates.threshold)
}

/** `envoy.admin.v3.SimpleMetric`; 64 bits are text in JSON. */
function metric(name: string, value: number): Record<string, string> {
  return value === 0 ? { name } : { value: String(value), name }
}

function thresholdsJson({ maxConnections, maxPending, maxRequests, maxRetries }: LimitsStatus): Record<string, number> {
  return {
    max_connections: maxConnections,
    max_pending_requests: maxPending,
    max_requests: maxRequests,
    max_retries: maxRetries,
  }
}

/** `ip:port`, a path, or Envoy's text for an internal listener. */
function addressJson(address: string): unknown {
  const internal = /^envoy:\/\/(.*)\/(.*)$/.exec(address)
  if (internal !== null)
    return { envoy_internal_address: { server_listener_name: internal[1], endpoint_id: internal[2] } }
  const colon = address.lastIndexOf(':')
  if (address.startsWith('/')) return { pipe: { path: address.slice(0, colon) } }
  return { socket_address: { address: address.slice(0, colon), port_value: Number(address.slice(colon + 1)) } }
}

/** `envoy.admin.v3.HostHealthStatus`. */
function healthStatus(flags: number): unknown {
  const has = (flag: number) => (flags & flag) !== 0
  const { Draining, FailedEds, DegradedEds } = HealthFlag
  const eds = has(Draining) ? 'DRAINING' : has(FailedEds) ? 'UNHEALTHY' : has(DegradedEds) ? 'DEGRADED' : 'HEALTHY'
  return {
    ...told('failed_active_health_check', has(HealthFlag.FailedActiveCheck)),
    ...told('failed_outlier_check', has(HealthFlag.FailedOutlierCheck)),
    eds_health_status: eds,
    ...told('failed_active_degraded_check', has(HealthFlag.DegradedActiveCheck)),
    ...told('pending_dynamic_removal', has(HealthFlag.PendingRemoval)),
    ...told('pending_active_hc', has(HealthFlag.PendingActiveCheck)),
    ...told('excluded_via_immediate_hc_fail', has(HealthFlag.ImmediateFail)),
  }
}
