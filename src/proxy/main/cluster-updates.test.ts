import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Logger } from '../../telemetry/log.ts'
import { registry } from '../../xds/registry.ts'
import { StatsStore } from '../stats/store.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import { ClusterUpdates } from './cluster-updates.ts'
import { CountMemories } from './count-memories.ts'
import { delivered } from './delivered.ts'

const UP = fromJson(
  ClusterSchema,
  {
    name: 'up',
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

test('a cluster that is refused when its secret has come is tried again with another secret of its own only', async () => {
  const secrets = new Map<string, unknown>()
  const ops: string[] = []
  const logged: string[] = []
  let error: string | undefined = 'does not fit'
  const pool = {
    apply: async (batch: readonly ConfigOp[]) => {
      for (const { kind } of batch) ops.push(kind)
      return batch.map(() => ({ error }))
    },
  }
  const surroundings = {
    secrets,
    openSecrets: async () => {},
    settled: ({ key }: { key: string }) => secrets.has(key),
    wait: () => {},
    changed: () => {},
  }
  const log = { error: (_: unknown, text: string) => logged.push(text) } as unknown as Logger
  const clusters = new ClusterUpdates(pool as never, surroundings, new CountMemories(1), new StatsStore(), log)
  assert.equal(await clusters.add(delivered(UP, '1')), undefined)
  assert.deepEqual([ops, clusters.warming.has('up')], [[], true])
  const [{ key }] = clusters.needs()
  secrets.set(key, 1)
  await clusters.warm()
  await clusters.warm()
  assert.deepEqual([ops.splice(0), logged], [['cluster'], ['cannot be put into force: does not fit']])
  await clusters.renew('another')
  assert.deepEqual(ops, [])
  assert.deepEqual(await clusters.renew(key), ['cluster up: does not fit'])
  error = undefined
  assert.deepEqual(await clusters.renew(key), [])
  assert.deepEqual([ops.splice(0), clusters.warming.size, clusters.active.size], [['cluster', 'cluster'], 0, 1])
  // In force it is not made anew: its connections are.
  assert.deepEqual(await clusters.renew(key), [])
  assert.deepEqual(ops, ['renew-cluster'])
})
