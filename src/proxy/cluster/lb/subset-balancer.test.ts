import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { StatsStore } from '../../stats/store.ts'
import { Cluster } from '../cluster.ts'
import { HealthFlag } from '../health-flag.ts'
import { MetadataMatch } from './metadata-match.ts'

/** A cluster of endpoints with this metadata; `ask` says which of them were chosen in 200 tries. */
function world(config: JsonObject, endpoints: readonly JsonObject[], more: JsonObject = {}) {
  const stats = new StatsStore()
  const lbEndpoints = endpoints.map((lb, i) => ({
    endpoint: { address: { socketAddress: { address: `10.0.0.${i}`, portValue: 80 } } },
    metadata: { filterMetadata: { 'envoy.lb': lb } },
  }))
  const json = {
    name: 'c',
    lbSubsetConfig: config,
    loadAssignment: { clusterName: 'c', endpoints: [{ lbEndpoints }] },
    ...more,
  }
  const cluster = new Cluster(fromJson(ClusterSchema, json as JsonObject), { find: () => undefined }, stats)
  return {
    cluster,
    ask(wanted: JsonObject): number[] {
      const match = MetadataMatch.of({ 'envoy.lb': wanted })
      const chosen = Array.from({ length: 200 }, () => cluster.choose(undefined, match))
      return [...new Set(chosen.flatMap((host) => (host === undefined ? [] : [cluster.hosts.indexOf(host)])))].sort()
    },
    stat: (name: string) => stats.counter(`cluster.c.${name}`).value,
  }
}

const V: readonly JsonObject[] = [{ v: '1' }, { v: '1' }, { v: '2' }, { other: true }]

describe('subsets (Envoy: load balancer subsets)', () => {
  test('the hosts of a subset take turns, and nobody else', () => {
    const { ask, stat } = world({ subsetSelectors: [{ keys: ['v'] }] }, V)
    assert.deepEqual(ask({ v: '1' }), [0, 1])
    assert.deepEqual(ask({ v: '2' }), [2])
    assert.deepEqual(ask({ v: '3' }), [])
    assert.deepEqual(ask({}), [])
    assert.equal(stat('lb_subsets_selected'), 400)
  })

  test('fallbacks: any endpoint, or the default subset, where there is no subset', () => {
    const selectors = { subsetSelectors: [{ keys: ['v'] }] }
    const any = world({ ...selectors, fallbackPolicy: 'ANY_ENDPOINT' }, V)
    assert.deepEqual(any.ask({ v: '3' }), [0, 1, 2, 3])
    assert.equal(any.stat('lb_subsets_fallback'), 200)
    const standard = { ...selectors, fallbackPolicy: 'DEFAULT_SUBSET', defaultSubset: { other: true } }
    assert.deepEqual(world(standard, V).ask({ v: '3' }), [3])
  })

  test('a default subset without hosts: nobody, or anybody in panic_mode_any', () => {
    const config = {
      subsetSelectors: [{ keys: ['v'] }],
      fallbackPolicy: 'DEFAULT_SUBSET',
      defaultSubset: { v: '9' },
    }
    assert.deepEqual(world(config, V).ask({ v: '3' }), [])
    const panic = world({ ...config, panicModeAny: true }, V)
    assert.deepEqual(panic.ask({ v: '3' }), [0, 1, 2, 3])
    assert.equal(panic.stat('lb_subsets_fallback_panic'), 200)
  })

  test('one host for each subset, where that is wanted', () => {
    const { ask } = world({ subsetSelectors: [{ keys: ['v'], singleHostPerSubset: true }] }, V)
    assert.deepEqual(ask({ v: '1' }), [0])
  })

  test('values are compared as JSON, whatever the order of their fields; names of Object are names', () => {
    const { ask } = world({ subsetSelectors: [{ keys: ['a'] }, { keys: ['constructor'] }] }, [
      { a: { x: 1, y: [1, 2] } },
      { constructor: 'c' },
    ])
    assert.deepEqual(ask({ a: { y: [1, 2], x: 1 } }), [0])
    assert.deepEqual(ask({ a: { y: [2, 1], x: 1 } }), [])
    assert.deepEqual(ask({ constructor: 'c' }), [1])
  })

  test('health counts within a subset', () => {
    const { cluster, ask } = world({ subsetSelectors: [{ keys: ['v'] }] }, V, {
      commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    })
    cluster.hosts[0].healthFlags |= HealthFlag.FailedOutlierCheck
    cluster.rebuild()
    assert.deepEqual(ask({ v: '1' }), [1])
    cluster.hosts[2].healthFlags |= HealthFlag.FailedOutlierCheck
    cluster.rebuild()
    assert.deepEqual(ask({ v: '2' }), [])
  })
})

test('what is wrong in a subset config is refused with its place', () => {
  for (const [config, wrong] of [
    [{ subsetSelectors: [{ keys: [] }] }, /lb_subset_config\.subset_selectors\[0\]\.keys: a key is missing/],
    [
      { subsetSelectors: [{ keys: ['a', 'b'] }, { keys: ['b', 'a'] }] },
      /subset_selectors\[1\]\.keys: another selector/,
    ],
    [
      { subsetSelectors: [{ keys: ['a'], fallbackPolicy: 'KEYS_SUBSET', fallbackKeysSubset: ['a'] }] },
      /fallback_keys_subset: must be some of the keys/,
    ],
    [{ subsetSelectors: [{ keys: ['a'], fallbackKeysSubset: ['a'] }] }, /only with fallback_policy KEYS_SUBSET/],
    [{ metadataFallbackPolicy: 'FALLBACK_LIST' }, /lb_subset_config\.metadata_fallback_policy/],
  ] as const) {
    assert.throws(() => world(config as unknown as JsonObject, V), wrong)
  }
})
