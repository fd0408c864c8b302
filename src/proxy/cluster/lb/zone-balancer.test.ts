import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { InternalListeners } from '../../network/internal-listeners.ts'
import { StatsStore } from '../../stats/store.ts'
import { ClusterManager } from '../cluster-manager.ts'
import { LocalZones } from './local-zones.ts'

type Group = readonly [zone: string, hosts: number, more?: { priority?: number; status?: string }]

function endpoints(name: string, groups: readonly Group[]): JsonObject {
  return {
    clusterName: name,
    endpoints: groups.map(([zone, hosts, { priority = 0, status = 'HEALTHY' } = {}], i) => ({
      locality: { zone },
      priority,
      lbEndpoints: Array.from({ length: hosts }, (_, n) => ({
        endpoint: { address: { socketAddress: { address: `10.0.${i}.${n}`, portValue: 80 } } },
        healthStatus: status,
      })),
    })),
  }
}

/** A proxy in zone `a` whose kind is spread over the zones as `local` says. */
function world(local: readonly Group[], upstream: readonly Group[], more: JsonObject = {}, own: string | null = 'a') {
  const stats = new StatsStore()
  const locality = own === null ? undefined : { region: '', zone: own, subZone: '' }
  const clusters = new ClusterManager(
    { find: () => undefined },
    stats,
    new InternalListeners(),
    new LocalZones('proxies', locality),
  )
  const install = (name: string, groups: readonly Group[], config: JsonObject = {}) => {
    const json = { name, loadAssignment: endpoints(name, groups), ...config } as JsonObject
    clusters.install(clusters.prepare(fromJson(ClusterSchema, json)))
  }
  install('up', upstream, more)
  install('proxies', local)
  return {
    install,
    clusters,
    /** Of 2,000 choices, in percent, by zone; `none` for those that found nobody. */
    shares(): Record<string, number> {
      const counts: Record<string, number> = {}
      for (let i = 0; i < 2000; i++) {
        const zone = clusters.get('up')?.choose(undefined)?.locality.zone ?? 'none'
        counts[zone] = (counts[zone] ?? 0) + 1
      }
      return Object.fromEntries(Object.entries(counts).map(([zone, count]) => [zone, count / 20]))
    },
    stat: (name: string) => stats.snapshot().counters[`cluster.up.lb_${name}`],
  }
}

/** Five standard deviations of 2,000 choices. */
function about(actual: Record<string, number>, expected: Record<string, number>): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort())
  for (const [zone, share] of Object.entries(expected))
    assert.ok(Math.abs(actual[zone] - share) < 5.6, `${zone}: ${actual[zone]} % instead of ${share} %`)
}

const PROXIES: readonly Group[] = [
  ['a', 4],
  ['b', 4],
  ['c', 2],
]
const SPREAD: readonly Group[] = [
  ['a', 2],
  ['b', 4],
  ['c', 2],
]

describe('zone-aware routing', () => {
  test('the own zone gets its share, the others what capacity they have left', () => {
    const { shares, stat } = world(PROXIES, SPREAD)
    about(shares(), { a: 62.5, b: 25, c: 12.5 })
    assert.equal(stat('zone_routing_sampled') + stat('zone_routing_cross_zone'), 2000)
    assert.equal(stat('zone_routing_all_directly'), 0)
  })

  test('follows the proxies as they come and go', () => {
    const { shares, stat, install } = world(PROXIES, SPREAD)
    const before = stat('recalculate_zone_structures')
    install('proxies', [
      ['a', 1],
      ['b', 5],
    ])
    about(shares(), { a: 100 })
    assert.equal(stat('zone_routing_all_directly'), 2000)
    assert.ok(stat('recalculate_zone_structures') > before)
  })

  test('only hosts of priority 0 are chosen by zone', () => {
    const { shares, stat } = world(PROXIES, [
      ['a', 4, { status: 'UNHEALTHY' }],
      ['b', 4, { status: 'UNHEALTHY' }],
      ['a', 2, { priority: 1 }],
      ['b', 6, { priority: 1 }],
    ])
    about(shares(), { a: 25, b: 75 })
    assert.equal(stat('zone_routing_all_directly') + stat('zone_routing_cross_zone'), 0)
  })

  test('is off for small clusters, and for proxies of one zone only', () => {
    const small = world(PROXIES, [
      ['a', 1],
      ['b', 3],
    ])
    about(small.shares(), { a: 25, b: 75 })
    assert.ok(small.stat('zone_cluster_too_small') > 0)
    about(world([['a', 4]], SPREAD).shares(), { a: 25, b: 50, c: 25 })
  })

  test('is off where the proxy does not find itself among its kind', () => {
    for (const own of ['d', null]) {
      const { shares, stat } = world(PROXIES, SPREAD, {}, own)
      about(shares(), { a: 25, b: 50, c: 25 })
      assert.ok(stat('local_cluster_not_ok') > 0)
    }
  })

  test('its own kind in panic: all hosts, or none', () => {
    const sick: readonly Group[] = [
      ['a', 1],
      ['b', 3, { status: 'UNHEALTHY' }],
    ]
    const { shares, stat } = world(sick, SPREAD)
    about(shares(), { a: 25, b: 50, c: 25 })
    assert.ok(stat('local_cluster_not_ok') >= 2000)
    const failing = { commonLbConfig: { zoneAwareLbConfig: { failTrafficOnPanic: true } } }
    about(world(sick, SPREAD, failing).shares(), { none: 100 })
  })

  test('is off where localities have weights, and for hashing policies', () => {
    const policies: JsonObject[] = [{ commonLbConfig: { localityWeightedLbConfig: {} } }, { lbPolicy: 'RING_HASH' }]
    for (const more of policies) {
      const { shares, stat } = world(PROXIES, SPREAD, more)
      shares()
      assert.equal(stat('recalculate_zone_structures'), 0)
    }
  })

  test('within subsets, too', () => {
    const { shares, stat } = world(PROXIES, SPREAD, {
      lbSubsetConfig: { fallbackPolicy: 'ANY_ENDPOINT', subsetSelectors: [{ keys: ['v'] }] },
    })
    about(shares(), { a: 62.5, b: 25, c: 12.5 })
    assert.equal(stat('subsets_fallback'), 2000)
  })

  test('the local cluster itself is not balanced by zone, and has no priorities', () => {
    const { clusters, install } = world(PROXIES, SPREAD)
    const zones = Array.from({ length: 200 }, () => clusters.get('proxies')?.choose(undefined)?.locality.zone)
    assert.deepEqual(new Set(zones), new Set(['a', 'b', 'c']))
    assert.throws(
      () => install('proxies', [['a', 1, { priority: 1 }]]),
      /cluster "proxies"\.load_assignment\.endpoints\[0\]\.priority: must be 0 in the local cluster/,
    )
    const eds = { type: 'EDS', edsClusterConfig: { edsConfig: { ads: {} } }, loadAssignment: null }
    install('proxies', [], eds)
    const late = fromJson(ClusterLoadAssignmentSchema, endpoints('proxies', [['a', 1, { priority: 1 }]]))
    assert.throws(() => clusters.checkEndpoints(late), /endpoints of "proxies"\.endpoints\[0\]\.priority/)
  })
})
