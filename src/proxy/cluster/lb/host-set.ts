import type { ClusterStats, EndpointHost } from '../endpoint-host.ts'
import type { Hash64 } from '../hash64.ts'
import type { LoadBalancer, LoadBalancerFactory } from './load-balancer.ts'
import { localityKey } from './locality-key.ts'
import type { MetadataMatch } from './metadata-match.ts'
import { priorityLoads } from './priority-load.ts'
import { type ZoneAwareness, ZoneBalancer } from './zone-balancer.ts'

/** Whom a cluster sends to. */
export interface HostChooser {
  readonly hosts: readonly EndpointHost[]
  /** By their texts, where the cluster has any. */
  readonly subsets?: ReadonlyMap<string, HostChooser>
  readonly gauges?: LoadBalancer['gauges']
  /** `match` is for clusters with subsets. */
  choose(hash: Hash64 | undefined, match: MetadataMatch | undefined): EndpointHost | undefined
  /** Health or weights have changed. */
  rebuild(): void
}

/** How a cluster chooses among its hosts. */
interface HostSetSettings {
  readonly make: LoadBalancerFactory
  /** Percents. */
  readonly panicThreshold: number
  readonly overprovisioning: number
  /** In panic nobody gets anything, rather than everybody something. */
  readonly failOnPanic: boolean
  /** By `localityKey`, where the cluster balances by localities. */
  readonly localityWeights: ReadonlyMap<string, number> | undefined
  /** Where traffic is to stay in the proxy's zone. */
  readonly zones: ZoneAwareness | undefined
}

/** Hosts of one priority, healthy or degraded, and the percents of traffic that they get. */
interface Choice {
  readonly load: number
  readonly panic: boolean
  /** Localities with their weights, where the cluster balances by them; else one entry. */
  readonly groups: readonly { readonly balancer: LoadBalancer; readonly weight: number }[]
  /** Of all groups. */
  readonly weight: number
}

/** Some hosts of a cluster by priority, and who of them gets traffic. Rebuilt when membership or health changes. */
export class HostSet implements HostChooser {
  readonly #settings: HostSetSettings
  readonly #stats: ClusterStats
  readonly hosts: readonly EndpointHost[]
  #choices: readonly Choice[] = []

  constructor(hosts: readonly EndpointHost[], settings: HostSetSettings, stats: ClusterStats) {
    this.hosts = hosts
    this.#settings = settings
    this.#stats = stats
    this.rebuild()
  }

  /** Of the table of the last priority that has one: as in Envoy each writes over those before. */
  get gauges(): LoadBalancer['gauges'] {
    return this.#choices
      .flatMap(({ groups }) => groups.map(({ balancer }) => balancer.gauges ?? []))
      .flat()
      .at(-1)
  }

  choose(hash: Hash64 | undefined): EndpointHost | undefined {
    const choices = this.#choices
    let choice = choices[0]
    if (choices.length > 1) {
      let at = hash === undefined ? Math.random() * 100 : hash.modulo(100)
      for (const one of choices) {
        choice = one
        if (at < one.load) break
        at -= one.load
      }
    }
    if (choice.panic) this.#stats.panics.value++
    const { groups } = choice
    if (groups.length === 0) return undefined
    if (groups.length === 1) return groups[0].balancer.choose(hash)
    let at = Math.random() * choice.weight
    for (const group of groups) {
      if (at < group.weight) return group.balancer.choose(hash)
      at -= group.weight
    }
    return groups[groups.length - 1].balancer.choose(hash)
  }

  rebuild(): void {
    const byPriority = Map.groupBy(this.hosts, (host) => host.settings.priority)
    const levels = [...byPriority.keys()].sort((a, b) => a - b).map((p) => byPriority.get(p) as EndpointHost[])
    const { overprovisioning, panicThreshold } = this.#settings
    if (levels.length === 0) {
      // Nobody is in panic as well, and counted so.
      this.#choices = [{ load: 100, panic: panicThreshold > 0, groups: [], weight: 0 }]
      return
    }
    const health = levels.map((hosts) => ({
      total: hosts.length,
      healthy: count(hosts, (host) => host.healthy),
      degraded: count(hosts, (host) => host.degraded),
      excluded: count(hosts, (host) => host.excluded),
    }))
    const choices: Choice[] = []
    const loads = priorityLoads(health, overprovisioning, panicThreshold)
    for (const kind of ['healthy', 'degraded'] as const) {
      for (const [i, load] of loads.entries()) {
        const usable = (host: EndpointHost) => load.panic || host[kind]
        if (load[kind] > 0) choices.push(this.#choice(levels[i], usable, load[kind], load.panic))
      }
    }
    this.#choices = choices
  }

  #choice(
    hosts: readonly EndpointHost[],
    isUsable: (host: EndpointHost) => boolean,
    load: number,
    panic: boolean,
  ): Choice {
    const { make, localityWeights, failOnPanic, zones } = this.#settings
    const usable = hosts.filter(isUsable)
    if (usable.length === 0 || (panic && failOnPanic)) return { load, panic, groups: [], weight: 0 }
    // In panic Envoy no longer looks at localities, but where they are part of the hash table.
    if (localityWeights === undefined || (panic && make.consistent !== true)) {
      const zoneAware = zones !== undefined && !panic && hosts[0].settings.priority === 0
      const balancer = zoneAware ? new ZoneBalancer(hosts, usable, make, zones) : make(usable)
      return { load, panic, groups: [{ balancer, weight: 1 }], weight: 1 }
    }
    const byLocality = Map.groupBy(hosts, (host) => localityKey(host.locality, host.settings.priority))
    if (make.consistent === true) return { load, panic, groups: this.#table(byLocality, isUsable), weight: 1 }
    const groups: Choice['groups'][number][] = []
    let sum = 0
    for (const [key, all] of byLocality) {
      const members = all.filter(isUsable)
      const configured = localityWeights.get(key) ?? 0
      if (members.length === 0 || configured === 0) continue
      const counted = Math.max(1, all.length - count(all, (host) => host.excluded))
      const available = Math.min(1, ((this.#settings.overprovisioning / 100) * members.length) / counted)
      const weight = configured * available
      sum += weight
      groups.push({ balancer: make(members), weight })
    }
    // Weights that leave nobody anything are none (Envoy's LocalityWrr).
    if (groups.length === 0) return { load, panic, groups: [{ balancer: make(usable), weight: 1 }], weight: 1 }
    return { load, panic, groups, weight: sum }
  }

  /**
   * All localities in one hash table. The order of the localities and of each product and quotient is Envoy's
   * (`thread_aware_lb_impl.cc`): another rounding gives some host an entry more. A locality keeps its share when hosts of it are down.
   */
  #table(
    byLocality: ReadonlyMap<string, readonly EndpointHost[]>,
    isUsable: (host: EndpointHost) => boolean,
  ): Choice['groups'] {
    const { make, localityWeights } = this.#settings
    const keys = [...byLocality.keys()].sort()
    const configured = keys.map((key) => localityWeights?.get(key) ?? 0)
    const sum = configured.reduce((a, b) => a + b, 0)
    const hosts: EndpointHost[] = []
    const weights: number[] = []
    for (const [i, key] of keys.entries()) {
      if (configured[i] === 0) continue
      const members = (byLocality.get(key) as readonly EndpointHost[]).filter(isUsable)
      const total = members.reduce((weight, host) => weight + host.weight, 0)
      const share = configured[i] / sum
      for (const host of members) {
        hosts.push(host)
        weights.push((host.weight * share) / total)
      }
    }
    return hosts.length === 0 ? [] : [{ balancer: make(hosts, weights), weight: 1 }]
  }
}

function count<T>(items: readonly T[], wanted: (item: T) => boolean): number {
  let found = 0
  for (const item of items) if (wanted(item)) found++
  return found
}
