import type { Cell } from '../../../telemetry/metrics.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import type { Hash64 } from '../hash64.ts'
import type { LoadBalancer, LoadBalancerFactory } from './load-balancer.ts'
import { type LocalZones, zonesOf } from './local-zones.ts'
import { localityKey } from './locality-key.ts'
import { inPanic } from './priority-load.ts'
import type { ZoneSettings } from './zone-config.ts'
import { type ZoneRouting, zoneRouting } from './zone-routing.ts'

/** `cluster.<name>.lb_*`, by Envoy's names. */
export interface ZoneStats {
  readonly recalculated: Cell
  readonly tooSmall: Cell
  readonly localNotOk: Cell
  readonly direct: Cell
  readonly sampled: Cell
  readonly crossZone: Cell
  readonly noCapacity: Cell
}

/** What zone-aware routing of a cluster needs to know. */
export interface ZoneAwareness {
  readonly local: LocalZones
  readonly settings: ZoneSettings
  /** Percents. */
  readonly panicThreshold: number
  readonly failOnPanic: boolean
  readonly stats: ZoneStats
}

/** Keeps as much of the traffic to hosts of priority 0 in the proxy's own zone as leaves each host its share. */
export class ZoneBalancer implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]
  readonly #usable: readonly EndpointHost[]
  readonly #make: LoadBalancerFactory
  readonly #aware: ZoneAwareness
  readonly #all: LoadBalancer
  #version: number
  /** undefined: zones are not looked at. */
  #routing: ZoneRouting | undefined
  /** By the order of the routing; a zone without a usable host has none. */
  #zones: readonly (LoadBalancer | undefined)[] = []
  #localPanic = false

  constructor(
    hosts: readonly EndpointHost[],
    usable: readonly EndpointHost[],
    make: LoadBalancerFactory,
    aware: ZoneAwareness,
  ) {
    this.#hosts = hosts
    this.#usable = usable
    this.#make = make
    this.#aware = aware
    this.#all = make(usable)
    this.#version = aware.local.version
    this.#regenerate()
  }

  choose(hash: Hash64 | undefined): EndpointHost | undefined {
    const { local, settings, stats, failOnPanic } = this.#aware
    if (this.#version !== local.version) this.#regenerate()
    const routing = this.#routing
    if (routing === undefined) return this.#all.choose(hash)
    if (settings.enabled < 100 && Math.random() * 100 >= settings.enabled) return this.#all.choose(hash)
    if (this.#localPanic) {
      stats.localNotOk.value++
      return failOnPanic ? undefined : this.#all.choose(hash)
    }
    return (this.#zones[this.#zone(routing)] ?? this.#all).choose(hash)
  }

  /** tryChooseLocalLocalityHosts */
  #zone({ direct, localPart, residual }: ZoneRouting): number {
    const { stats } = this.#aware
    if (direct) {
      stats.direct.value++
      return 0
    }
    if (Math.random() * 10_000 < localPart) {
      stats.sampled.value++
      return 0
    }
    stats.crossZone.value++
    const capacity = residual[residual.length - 1]
    if (capacity === 0) {
      stats.noCapacity.value++
      return Math.floor(Math.random() * residual.length)
    }
    const at = Math.random() * capacity
    let zone = 0
    while (at >= residual[zone]) zone++
    return zone
  }

  #regenerate(): void {
    const { local, settings, panicThreshold, stats } = this.#aware
    this.#version = local.version
    this.#localPanic = inPanic(local.health, panicThreshold)
    stats.recalculated.value++
    const zones = zonesOf(this.#hosts, local.own)
    this.#routing = undefined
    if (!this.#looksAtZones(zones.length)) return
    const routing = zoneRouting(local.zones, zones, zones[0].key === local.own, settings)
    const byKey = Map.groupBy(this.#usable, (host) => localityKey(host.locality, 0))
    this.#routing = routing
    this.#zones = zones.map(({ key }) => {
      const members = byKey.get(key)
      return members && this.#make(members)
    })
  }

  /** earlyExitNonLocalityRouting */
  #looksAtZones(zones: number): boolean {
    const { local, settings, stats } = this.#aware
    if (zones < 2) return false
    if (settings.forceLocalMin === undefined && local.zones.size < 2) return false
    // The proxy does not find itself among its kind: what it knows of them is no ground to build on.
    if (local.own === undefined || !local.zones.has(local.own)) {
      stats.localNotOk.value++
      return false
    }
    let healthy = 0
    for (const host of this.#hosts) if (host.healthy) healthy++
    if (healthy >= settings.minClusterSize) return true
    stats.tooSmall.value++
    return false
  }
}
