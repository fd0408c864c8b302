import { HealthFlag, healthFlagsText } from '../cluster/health-flag.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { ClusterStatus, HostStatus, LimitsStatus } from '../worker/protocol.ts'

/** Adds up the workers' view of each cluster whose name is wanted. */
function merge(workers: readonly (readonly ClusterStatus[])[], wanted: RegExp): ClusterStatus[] {
  const merged = new Map<string, ClusterStatus>()
  for (const cluster of workers.flat()) {
    if (!wanted.test(cluster.name)) continue
    const known = merged.get(cluster.name)
    if (known === undefined) {
      merged.set(cluster.name, cluster)
      continue
    }
    merged.set(cluster.name, {
      ...known,
      hosts: known.hosts.map((host) =>
        addHost(
          host,
          cluster.hosts.find(({ address }) => address === host.address),
        ),
      ),
    })
  }
  return [...merged.values()]
}

function addHost(a: HostStatus, b: HostStatus | undefined): HostStatus {
  if (b === undefined) return a
  return {
    ...a,
    healthFlags: a.healthFlags | b.healthFlags,
    active: a.active + b.active,
    connections: a.connections + b.connections,
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    successes: a.successes + b.successes,
    timeouts: a.timeouts + b.timeouts,
    connectFailures: a.connectFailures + b.connectFailures,
    connects: a.connects + b.connects,
  }
}

function limitsText(prefix: string, limits: LimitsStatus): string[] {
  return [
    `${prefix}::max_connections::${limits.maxConnections}`,
    `${prefix}::max_pending_requests::${limits.maxPending}`,
    `${prefix}::max_requests::${limits.maxRequests}`,
    `${prefix}::max_retries::${limits.maxRetries}`,
  ]
}

/** `/clusters`: each cluster with its limits and hosts, a fact a line as Envoy prints them. */
export function clustersText(
  workers: readonly (readonly ClusterStatus[])[],
  config: ConfigManager,
  wanted: RegExp,
): string {
  const lines: string[] = []
  for (const { name, hosts, limits } of merge(workers, wanted)) {
    lines.push(
      `${name}::observability_name::${name}`,
      ...limitsText(`${name}::default_priority`, limits.default),
      ...limitsText(`${name}::high_priority`, limits.high),
      `${name}::added_via_api::${config.clusters.get(name)?.version !== ''}`,
    )
    for (const host of hosts) {
      const line = (key: string, value: string | number) => lines.push(`${name}::${host.address}::${key}::${value}`)
      line('cx_active', host.connections)
      line('cx_connect_fail', host.connectFailures)
      line('cx_total', host.connects)
      line('rq_active', host.active)
      line('rq_error', host.errors)
      line('rq_success', host.successes)
      line('rq_timeout', host.timeouts)
      line('rq_total', host.requests)
      line('hostname', host.hostname)
      line('health_flags', healthFlagsText(host.healthFlags))
      line('weight', host.weight)
      line('region', host.region)
      line('zone', host.zone)
      line('sub_zone', host.subZone)
      line('priority', host.priority)
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** `/clusters?format=json`: Envoy's `admin.v3.Clusters`. */
export function clustersJson(
  workers: readonly (readonly ClusterStatus[])[],
  config: ConfigManager,
  wanted: RegExp,
): unknown {
  return {
    cluster_statuses: merge(workers, wanted).map(({ name, hosts, limits }) => ({
      name,
      added_via_api: config.clusters.get(name)?.version !== '',
      host_statuses: hosts.map((host) => {
        return {
          address: addressJson(host.address),
          stats: [
            { name: 'cx_active', type: 'GAUGE', value: String(host.connections) },
            { name: 'cx_connect_fail', value: String(host.connectFailures) },
            { name: 'cx_total', value: String(host.connects) },
            { name: 'rq_total', value: String(host.requests) },
            { name: 'rq_error', value: String(host.errors) },
            { name: 'rq_success', value: String(host.successes) },
            { name: 'rq_timeout', value: String(host.timeouts) },
            { name: 'rq_active', type: 'GAUGE', value: String(host.active) },
          ],
          health_status: healthStatus(host.healthFlags),
          weight: host.weight,
          hostname: host.hostname,
        }
      }),
      circuit_breakers: {
        thresholds: [thresholdsJson(limits.default), { priority: 'HIGH', ...thresholdsJson(limits.high) }],
      },
      observability_name: name,
    })),
  }
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
  const told = {
    failed_active_health_check: has(HealthFlag.FailedActiveCheck),
    failed_outlier_check: has(HealthFlag.FailedOutlierCheck),
    failed_active_degraded_check: has(HealthFlag.DegradedActiveCheck),
    pending_dynamic_removal: has(HealthFlag.PendingRemoval),
    pending_active_hc: has(HealthFlag.PendingActiveCheck),
  }
  return { ...Object.fromEntries(Object.entries(told).filter(([, value]) => value)), eds_health_status: eds }
}
