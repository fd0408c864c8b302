import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import { StatsStore } from '../stats/store.ts'
import { cluster } from '../testing.ts'
import { ClusterManager } from './cluster-manager.ts'

const proto = (ports: readonly number[]) => fromJson(ClusterSchema, parse(cluster(ports)) as JsonValue)

test('a cluster that is dropped, replaced or removed leaves no hosts in the gauges of its name', () => {
  const stats = new StatsStore()
  const clusters = new ClusterManager({ find: () => undefined }, stats, new InternalListeners())
  const gauges = () => ['total', 'healthy'].map((name) => stats.snapshot().gauges[`cluster.up.membership_${name}`])
  clusters.install(clusters.prepare(proto([1, 2])))
  assert.deepEqual(gauges(), [2, 2])
  // Another resource of the same update is refused.
  clusters.prepare(proto([1, 2, 3])).close()
  assert.deepEqual(gauges(), [2, 2])
  clusters.install(clusters.prepare(proto([1])))
  assert.deepEqual(gauges(), [1, 1])
  const old = clusters.get('up')
  clusters.remove('up')
  assert.deepEqual(gauges(), [undefined, undefined])
  // Requests under way may still have their outliers counted, when another one has come.
  clusters.install(clusters.prepare(proto([1, 2])))
  old?.rebuild()
  assert.deepEqual(gauges(), [2, 2])
})

test('subsets are counted as they come and go, and an update that is dropped leaves none in the gauge of its cluster', () => {
  const stats = new StatsStore()
  const clusters = new ClusterManager({ find: () => undefined }, stats, new InternalListeners())
  const subsets = (values: readonly string[]) => {
    const lbEndpoints = values.map((v, i) => ({
      endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: i + 1 } } },
      metadata: { filterMetadata: { 'envoy.lb': { v } } },
    }))
    const loadAssignment = { clusterName: 'up', endpoints: [{ lbEndpoints }] }
    const lbSubsetConfig = { subsetSelectors: [{ keys: ['v'] }] }
    return clusters.prepare(fromJson(ClusterSchema, { name: 'up', loadAssignment, lbSubsetConfig }))
  }
  const told = () => {
    const { counters, gauges } = stats.snapshot()
    const [created, removed] = ['created', 'removed'].map((name) => counters[`cluster.up.lb_subsets_${name}`])
    return [gauges['cluster.up.lb_subsets_active'], created, removed]
  }
  clusters.install(subsets(['a', 'b', 'b']))
  assert.deepEqual(told(), [2, 2, 0])
  subsets(['a', 'b', 'c']).close()
  assert.deepEqual(told(), [2, 5, 3])
  clusters.install(subsets(['a']))
  assert.deepEqual(told(), [1, 6, 5])
  clusters.remove('up')
  assert.deepEqual(told(), [undefined, undefined, undefined])
})
