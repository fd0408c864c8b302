import type { ClusterStats, EndpointHost } from './endpoint-host.ts'
import type { Hash64 } from './hash64.ts'
import type { LoadBalancer, LoadBalancerFactory } from './load-balancer.ts'

/** Envoy's over-provisioning: a priority with 72 % of its hosts healthy still takes all traffic. */
const OVERPROVISIONING = 1.4

interface Level {
  readonly hosts: readonly EndpointHost[]
  /** Share of traffic, 0 to 1. */
  share: number
  panic: boolean
  /** Localities with their weights, where the cluster balances by them; else one entry. */
  groups: { readonly balancer: LoadBalancer; readonly weight: number }[]
  weight: number
}

/** The hosts of a cluster by priority, and who of them gets traffic. Rebuilt when membership or health changes. */
export class HostSet {
  readonly #make: LoadBalancerFactory
  readonly #panicThreshold: number
  readonly #localityWeights: ReadonlyMap<string, number> | undefined
  readonly #stats: ClusterStats
  readonly hosts: readonly EndpointHost[]
  #levels: Level[] = []

  constructor(
    hosts: readonly EndpointHost[],
    make: LoadBalancerFactory,
    panicThreshold: number,
    localityWeights: ReadonlyMap<string, number> | undefined,
    stats: ClusterStats,
  ) {
    this.hosts = hosts
    this.#make = make
    this.#panicThreshold = panicThreshold
    this.#localityWeights = localityWeights
    this.#stats = stats
    this.rebuild()
  }

  choose(hash: Hash64 | undefined): EndpointHost | undefined {
    const levels = this.#levels
    if (levels.length === 0) return undefined
    let level = levels[0]
    if (levels.length > 1) {
      let at = hash === undefined ? Math.random() : hash.modulo(100) / 100
      for (const one of levels) {
        level = one
        if (at < one.share) break
        at -= one.share
      }
    }
    if (level.panic) this.#stats.panics.value++
    const { groups } = level
    if (groups.length === 0) return undefined
    if (groups.length === 1) return groups[0].balancer.choose(hash)
    let at = Math.random() * level.weight
    for (const group of groups) {
      if (at < group.weight) return group.balancer.choose(hash)
      at -= group.weight
    }
    return groups[groups.length - 1].balancer.choose(hash)
  }

  rebuild(): void {
    const byPriority = new Map<number, EndpointHost[]>()
    for (const host of this.hosts) {
      const list = byPriority.get(host.settings.priority)
      if (list === undefined) byPriority.set(host.settings.priority, [host])
      else list.push(host)
    }
    const priorities = [...byPriority.keys()].sort((a, b) => a - b)
    const health = priorities.map((p) => {
      const hosts = byPriority.get(p) as EndpointHost[]
      return Math.min(1, (OVERPROVISIONING * hosts.filter((h) => h.healthy).length) / hosts.length)
    })
    const total = Math.min(
      1,
      health.reduce((sum, h) => sum + h, 0),
    )
    let left = 1
    this.#levels = priorities.map((p, i) => {
      const hosts = byPriority.get(p) as EndpointHost[]
      const share = total === 0 ? (i === 0 ? 1 : 0) : Math.min(left, health[i] / total)
      left -= share
      return this.#level(hosts, share, total)
    })
    this.#stats.total.value = this.hosts.length
    this.#stats.healthy.value = this.hosts.filter((host) => host.healthy).length
  }

  #level(hosts: readonly EndpointHost[], share: number, total: number): Level {
    const healthy = hosts.filter((host) => host.healthy)
    // Below the threshold all hosts are used: better some errors than all traffic on the last host standing.
    const panic =
      total < 1 && healthy.length < hosts.length && (healthy.length / hosts.length) * 100 < this.#panicThreshold
    const usable = panic ? hosts : healthy
    const level: Level = { hosts, share, panic, groups: [], weight: 0 }
    if (usable.length === 0) return level
    const weights = this.#localityWeights
    if (weights === undefined) {
      level.groups.push({ balancer: this.#make(usable), weight: 1 })
      level.weight = 1
      return level
    }
    const shares = new Map<EndpointHost, number>()
    const byLocality = new Map<string, { usable: EndpointHost[]; all: number }>()
    for (const host of hosts) {
      const key = localityKey(host.locality, host.settings.priority)
      const group = byLocality.get(key) ?? { usable: [], all: 0 }
      group.all++
      if (panic || host.healthy) group.usable.push(host)
      byLocality.set(key, group)
    }
    for (const [key, group] of byLocality) {
      const configured = weights.get(key) ?? 0
      if (group.usable.length === 0 || configured === 0) continue
      const weight = configured * Math.min(1, (OVERPROVISIONING * group.usable.length) / group.all)
      if (this.#make.consistent !== true) level.groups.push({ balancer: this.#make(group.usable), weight })
      level.weight += weight
      const total = group.usable.reduce((sum, host) => sum + host.weight, 0)
      for (const host of group.usable) shares.set(host, (host.weight / total) * weight)
    }
    if (this.#make.consistent === true && shares.size > 0) {
      const all = usable.filter((host) => shares.has(host))
      const balancer = this.#make(
        all,
        all.map((host) => shares.get(host) as number),
      )
      level.groups.push({ balancer, weight: level.weight })
    }
    return level
  }
}

export function localityKey(locality: { region: string; zone: string; subZone: string }, priority: number): string {
  return `${priority}/${locality.region}/${locality.zone}/${locality.subZone}`
}
