import type { CircuitBreaker, Resources } from '../cluster/circuit-breaker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'
import { LB_METADATA } from '../cluster/lb/metadata-match.ts'
import type { ClusterStatus, LimitsStatus } from './protocol.ts'

/** What this worker tells of a cluster and its hosts. */
export function clusterStatus({ name, breaker, hosts, outliers }: Cluster): ClusterStatus {
  return {
    name,
    ...underWay(breaker),
    rates: outliers && { ...outliers.rates },
    limits: { default: limitsStatus(breaker.default), high: limitsStatus(breaker.high) },
    hosts: hosts.map((host) => ({
      address: host.address,
      hostname: host.hostname,
      weight: host.weight,
      priority: host.settings.priority,
      region: host.locality.region,
      zone: host.locality.zone,
      subZone: host.locality.subZone,
      healthFlags: host.healthFlags,
      canary: isCanary(host),
      successRate: host.outlier.external.rate,
      localSuccessRate: host.outlier.local.rate,
      active: host.active,
      pending: host.pending,
      connections: host.pool.connections + host.tcpConnections,
      requests: host.requests,
      errors: host.errors,
      successes: host.successes,
      timeouts: host.timeouts,
      connectFailures: host.connectFailures,
      connects: host.connects,
    })),
  }
}

/** What Envoy's `HostImpl` takes for a canary. */
function isCanary({ metadata }: EndpointHost): boolean {
  return (metadata[LB_METADATA] as { canary?: unknown } | undefined)?.canary === true
}

function underWay({ default: some, high }: CircuitBreaker) {
  return {
    connections: some.connections.value + high.connections.value,
    pending: some.pending.value + high.pending.value,
    requests: some.requests.value + high.requests.value,
    retries: some.retries.value + high.retries.value,
  }
}

function limitsStatus({ limits, maxRetries }: Resources): LimitsStatus {
  const { maxConnections, maxPending, maxRequests } = limits
  return { maxConnections, maxPending, maxRequests, maxRetries }
}
