import type { ZoneSettings } from './zone-config.ts'

/** The hosts of one priority in one locality. */
export interface Zone {
  /** `localityKey` */
  readonly key: string
  healthy: number
  /** Of the healthy ones. */
  weight: number
}

/** How a proxy shares its requests among the zones of a cluster. */
export interface ZoneRouting {
  /** All of them go to its own zone, the first one. */
  readonly direct: boolean
  /** Else so many of ten thousand do … */
  readonly localPart: number
  /** … and the others to zones with capacity left, in proportion to it; cumulative, by zone. */
  readonly residual: readonly number[]
}

/**
 * Envoy's regenerateLocalityRoutingStructures. `upstream` are the zones of the cluster, the proxy's own first where it `hasOwn`,
 * `local` those of the proxies. With proxies spread as 40, 40 and 20 %, and hosts as 25, 50 and 25 %, a proxy of the first zone
 * sends 62.5 % of its requests there, and of the others 2 of 3 to the second zone.
 */
export function zoneRouting(
  local: ReadonlyMap<string, Zone>,
  upstream: readonly Zone[],
  hasOwn: boolean,
  { forceLocalMin, byWeight }: ZoneSettings,
): ZoneRouting {
  const size = (zone: Zone) => (byWeight ? zone.weight : zone.healthy)
  const totals = [local.values(), upstream].map((zones) => [...zones].reduce((sum, zone) => sum + size(zone), 0))
  const share = (zone: Zone | undefined, total: number) =>
    zone === undefined || total === 0 ? 0 : Math.floor((10_000 * size(zone)) / total)
  const shares = upstream.map((zone) => ({
    // Where the cluster has no host, it does not matter how many proxies there are.
    local: zone.healthy === 0 ? 0 : share(local.get(zone.key), totals[0]),
    upstream: share(zone, totals[1]),
  }))
  const own = shares[0]
  if (hasOwn) {
    const forced = forceLocalMin !== undefined && upstream[0].healthy >= forceLocalMin
    if (forced || (own.upstream > 0 && own.upstream >= own.local)) return { direct: true, localPart: 0, residual: [] }
  }
  let sum = 0
  const residual = shares.map((one, i) => {
    if (i > 0 || !hasOwn) sum += Math.max(0, one.upstream - one.local)
    return sum
  })
  const localPart = hasOwn && own.local > 0 ? Math.floor((own.upstream * 10_000) / own.local) : 0
  return { direct: false, localPart, residual }
}
