import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import { StatsStore } from '../stats/store.ts'
import { eventually } from '../testing.ts'
import type { Cluster } from './cluster.ts'
import { ClusterManager } from './cluster-manager.ts'

const PROTO = fromJson(ClusterSchema, {
  name: 'up',
  type: 'STRICT_DNS',
  loadAssignment: {
    clusterName: 'up',
    endpoints: [
      { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: 'localhost', portValue: 80 } } } }] },
    ],
  },
})

// Envoy's ClusterManagerImpl::addOrUpdateCluster: an update is warmed beside the cluster that it replaces.

for (const [what, renewed] of [
  ['with other settings', false],
  ['with another secret', true],
] as const) {
  test(`a cluster of names ${what} has hosts before it takes the place of the one before`, async () => {
    const stats = new StatsStore()
    const clusters = new ClusterManager({ find: () => undefined }, stats, new InternalListeners())
    const closed: Cluster[] = []
    const put = () => {
      const cluster = clusters.prepare(PROTO)
      const { closed: before } = cluster
      cluster.closed = () => {
        before?.()
        closed.push(cluster)
      }
      clusters.install(cluster, renewed)
      return cluster
    }
    const first = put()
    assert.equal(clusters.get('up'), first, 'there is no other')
    await eventually(() => first.hosts.length > 0)
    const second = put()
    const third = put()
    assert.deepEqual([clusters.get('up') === first, closed], [true, [second]])
    await eventually(() => {
      assert.ok((clusters.get('up')?.hosts.length ?? 0) > 0)
      return clusters.get('up') === third
    })
    assert.deepEqual(closed, [second, first])
    assert.equal(stats.snapshot().gauges['cluster.up.membership_total'], third.hosts.length)
    const fourth = put()
    clusters.remove('up')
    assert.deepEqual(closed, [second, first, fourth, third])
    assert.equal(stats.snapshot().gauges['cluster.up.membership_total'], undefined)
    put()
    clusters.close()
    assert.equal(closed.length, 5)
  })
}
