import type { ClusterStats, EndpointHost } from '../endpoint-host.ts'
import { type HostChooser, HostSet } from './host-set.ts'
import type { LocalZones } from './local-zones.ts'
import { localityKey } from './locality-key.ts'
import type { LbPolicy } from './policy-parts.ts'
import { SubsetBalancer } from './subset-balancer.ts'

/** What the choice depends on. */
interface ChooserSettings {
  readonly lb: LbPolicy
  /** Percents. */
  readonly panicThreshold: number
  readonly overprovisioning: number
  /** By `localityKey`, as EDS or the config gives them. */
  readonly localityWeights: ReadonlyMap<string, number>
  /** What is known of the proxies around this one. */
  readonly local: LocalZones | undefined
}

/** What chooses among these hosts, as the cluster's policy says. */
export function makeChooser(
  hosts: readonly EndpointHost[],
  { lb, panicThreshold, overprovisioning, localityWeights, local }: ChooserSettings,
  stats: ClusterStats,
): HostChooser {
  const { make, failOnPanic, localityWeighted, subsets } = lb
  const zones =
    local === undefined || lb.zones === undefined
      ? undefined
      : { local, settings: lb.zones, panicThreshold, failOnPanic, stats: stats.zones }
  const set = (some: readonly EndpointHost[], weights: ReadonlyMap<string, number> | undefined) =>
    new HostSet(some, { make, panicThreshold, overprovisioning, failOnPanic, localityWeights: weights, zones }, stats)
  const weights = localityWeighted ? localityWeights : undefined
  if (subsets === undefined) return set(hosts, weights)
  const makeSet = (some: readonly EndpointHost[], subset: boolean): HostSet => {
    if (!subset || weights === undefined) return set(some, weights)
    if (!subsets.localityWeightAware) return set(some, undefined)
    return set(some, subsets.scaleLocalityWeight ? scaled(weights, some, hosts) : weights)
  }
  return new SubsetBalancer(hosts, subsets, makeSet, stats.subsets)
}

/** The weights of localities by the part of their hosts that a subset has. */
function scaled(
  weights: ReadonlyMap<string, number>,
  subset: readonly EndpointHost[],
  hosts: readonly EndpointHost[],
): ReadonlyMap<string, number> {
  const sizes = (list: readonly EndpointHost[]) =>
    Map.groupBy(list, ({ locality, settings }) => localityKey(locality, settings.priority))
  const [some, all] = [sizes(subset), sizes(hosts)]
  return new Map(
    [...weights].map(([key, weight]) => {
      const part = (some.get(key)?.length ?? 0) / (all.get(key)?.length ?? 1)
      return [key, Math.round(weight * part)] as const
    }),
  )
}
