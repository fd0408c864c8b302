import { healthFlagsText } from '../cluster/health-flag.ts'
import type { SuccessRates } from '../cluster/outlier/success-rate.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { ClusterStatus, HostStatus, LimitsStatus } from '../worker/protocol.ts'

/** Adds up the workers' view of each cluster whose name is wanted. */
export function mergeClusters(workers: readonly (readonly ClusterStatus[])[], wanted: RegExp): ClusterStatus[] {
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
      rates: known.rates && addRates(known.rates, cluster.rates ?? known.rates),
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

type Rates = Readonly<Record<'external' | 'local', SuccessRates>>

/** Each worker measures by what it has sent itself: the first that can. */
function addRates(a: Rates, b: Rates): Rates {
  return {
    external: a.external.average < 0 ? b.external : a.external,
    local: a.local.average < 0 ? b.local : a.local,
  }
}

/** The lower one, by which a worker may eject the host; -1 is none. */
function lowerRate(a: number, b: number): number {
  return a < 0 || b < 0 ? Math.max(a, b) : Math.min(a, b)
}

function addHost(a: HostStatus, b: HostStatus | undefined): HostStatus {
  if (b === undefined) return a
  return {
    ...a,
    healthFlags: a.healthFlags | b.healthFlags,
    successRate: lowerRate(a.successRate, b.successRate),
    localSuccessRate: lowerRate(a.localSuccessRate, b.localSuccessRate),
    active: a.active + b.active,
    pending: a.pending + b.pending,
    connections: a.connections + b.connections,
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    successes: a.successes + b.successes,
    timeouts: a.timeouts + b.timeouts,
    connectFailures: a.connectFailures + b.connectFailures,
    connects: a.connects + b.connects,
  }
}

function ratesText(name: string, { external, local }: Rates): string[] {
  return [
    `${name}::outlier::success_rate_average::${shortNumber(external.average)}`,
    `${name}::outlier::success_rate_ejection_threshold::${shortNumber(external.threshold)}`,
    `${name}::outlier::local_origin_success_rate_average::${shortNumber(local.average)}`,
    `${name}::outlier::local_origin_success_rate_ejection_threshold::${shortNumber(local.threshold)}`,
  ]
}

/** Six digits, as Envoy prints them (`{:g}`). */
function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)))
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
  for (const { name, hosts, limits, rates } of mergeClusters(workers, wanted)) {
    lines.push(
      `${name}::observability_name::${name}`,
      ...(rates === undefined ? [] : ratesText(name, rates)),
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
      line('rq_pending_active', host.pending)
      line('rq_success', host.successes)
      line('rq_timeout', host.timeouts)
      line('rq_total', host.requests)
      line('hostname', host.hostname)
      line('health_flags', healthFlagsText(host.healthFlags))
      line('weight', host.weight)
      line('region', host.region)
      line('zone', host.zone)
      line('sub_zone', host.subZone)
      line('canary', String(host.canary))
      line('priority', host.priority)
      line('success_rate', host.successRate)
      line('local_origin_success_rate', host.localSuccessRate)
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}
