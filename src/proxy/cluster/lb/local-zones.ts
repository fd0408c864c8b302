import type { EndpointHost, Locality } from '../endpoint-host.ts'
import { localityKey } from './locality-key.ts'
import type { PriorityHealth } from './priority-load.ts'
import type { Zone } from './zone-routing.ts'

/** Where this proxy stands, and the others of its kind: the hosts of `cluster_manager.local_cluster_name`. */
export class LocalZones {
  readonly clusterName: string
  /** The proxy's own zone, by `localityKey`; undefined: it was not told. */
  readonly own: string | undefined
  zones: ReadonlyMap<string, Zone> = new Map()
  health: PriorityHealth = { total: 0, healthy: 0, degraded: 0, excluded: 0 }
  /** Another one after each change. */
  version = 0

  constructor(clusterName: string, locality: Locality | undefined) {
    this.clusterName = clusterName
    this.own = locality && localityKey(locality, 0)
  }

  update(hosts: readonly EndpointHost[]): void {
    this.zones = new Map(zonesOf(hosts).map((zone) => [zone.key, zone]))
    const count = (wanted: (host: EndpointHost) => boolean) => hosts.filter(wanted).length
    this.health = {
      total: hosts.length,
      healthy: count((host) => host.healthy),
      degraded: count((host) => host.degraded),
      excluded: count((host) => host.excluded),
    }
    this.version++
  }
}

/** The zones of hosts of one priority, as Envoy sorts them: `own` first, where it is among them. */
export function zonesOf(hosts: readonly EndpointHost[], own?: string): Zone[] {
  const byKey = Map.groupBy(hosts, (host) => localityKey(host.locality, 0))
  const keys = [...byKey.keys()].sort((a, b) => (a === own ? -1 : b === own ? 1 : a < b ? -1 : 1))
  return keys.map((key) => {
    const zone: Zone = { key, healthy: 0, weight: 0 }
    for (const host of byKey.get(key) ?? []) {
      if (!host.healthy) continue
      zone.healthy++
      zone.weight += host.weight
    }
    return zone
  })
}
