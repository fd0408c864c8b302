import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { registry } from '../../xds/registry.ts'
import { Authority } from '../listener/testing.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import { StatsStore } from '../stats/store.ts'
import { eventually } from '../testing.ts'
import type { Cluster } from './cluster.ts'
import { ClusterManager } from './cluster-manager.ts'
import { HealthFlag } from './health-flag.ts'

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

test('a cluster of names has hosts before it takes the place of the one before', async () => {
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
    clusters.install(cluster)
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

const endpointsOf = (clusterName: string, portValue: number) =>
  fromJson(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue } } } }] }],
  })

const byEds = (serviceName: string, initialFetchTimeout = '0s') =>
  fromJson(ClusterSchema, {
    name: 'up',
    type: 'EDS',
    edsClusterConfig: { serviceName, edsConfig: { ads: {}, initialFetchTimeout } },
  })

test('a cluster that asks for other endpoints keeps its hosts until they come, or are waited for no longer', async () => {
  const stats = new StatsStore()
  const clusters = new ClusterManager({ find: () => undefined }, stats, new InternalListeners())
  const addresses = () => clusters.get('up')?.hosts.map(({ address }) => address)
  const put = (proto: ReturnType<typeof byEds>) => clusters.install(clusters.prepare(proto))
  put(byEds('one'))
  assert.deepEqual(addresses(), [], 'there is no other')
  clusters.updateEndpoints(endpointsOf('one', 1))
  put(byEds('two'))
  assert.deepEqual(addresses(), ['127.0.0.1:1'])
  clusters.updateEndpoints(endpointsOf('one', 3))
  assert.deepEqual(addresses(), ['127.0.0.1:3'], 'the one in force still hears of its own')
  clusters.updateEndpoints(endpointsOf('two', 2))
  assert.deepEqual(addresses(), ['127.0.0.1:2'])
  put(byEds('one'))
  assert.deepEqual(addresses(), ['127.0.0.1:3'], 'they are known')
  put(byEds('three', '0.01s'))
  assert.deepEqual(addresses(), ['127.0.0.1:3'])
  await eventually(() => addresses()?.length === 0)
  assert.equal(stats.snapshot().gauges['cluster.up.membership_total'], 0)
  put(byEds('four'))
  clusters.close()
})

// Envoy's ClientSslSocketFactory::onAddOrUpdateSecret: only connections from then on are made otherwise.
test('another secret makes no other cluster: hosts keep their health, and a bad one changes nothing', async () => {
  const authority = async () => (await new Authority().start()).pem
  let ca = await authority()
  const secret = () => fromJson(SecretSchema, { name: 'ca', validationContext: { trustedCa: { inlineString: ca } } })
  const clusters = new ClusterManager({ find: secret }, new StatsStore(), new InternalListeners())
  const tls = fromJson(
    ClusterSchema,
    {
      name: 'up',
      loadAssignment: {
        clusterName: 'up',
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: 80 } } } }] },
        ],
      },
      transportSocket: {
        name: 'tls',
        typedConfig: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
          commonTlsContext: { validationContextSdsSecretConfig: { name: 'ca', sdsConfig: { ads: {} } } },
        },
      },
    },
    { registry },
  )
  const cluster = clusters.prepare(tls)
  clusters.install(cluster)
  const [host] = cluster.hosts
  host.healthFlags |= HealthFlag.FailedActiveCheck
  const before = host.transport
  ca = await authority()
  clusters.prepareRenewal('up')()
  assert.deepEqual([clusters.get('up') === cluster, cluster.hosts[0] === host], [true, true])
  assert.equal(host.healthFlags, HealthFlag.FailedActiveCheck)
  const after = host.transport
  assert.notEqual(after, before)
  ca = 'none'
  assert.throws(() => clusters.prepareRenewal('up'), /trusted_ca: begins with no certificate/)
  assert.equal(host.transport, after)
  clusters.prepareRenewal('other')()
  clusters.close()
})
