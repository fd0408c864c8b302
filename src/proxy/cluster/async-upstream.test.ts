import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import { StatsStore } from '../stats/store.ts'
import { cluster, eventually, rawUpstream } from '../testing.ts'
import { ClusterManager } from './cluster-manager.ts'

// Envoy's AsyncStreamImpl, by its router: a local reply where no answer has begun, else a reset.
for (const [what, answer, expected] of [
  ['no answer', '', ['headers 504', 'data 24 true', 'complete']],
  [
    'half an answer',
    'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc',
    ['headers 200', 'data 3 false', 'reset upstream request timeout'],
  ],
] as const) {
  test(`${what} in time: one answer or a reset, not both`, async () => {
    const up = await rawUpstream((socket) => socket.once('data', () => socket.write(answer)))
    const clusters = new ClusterManager({ find: () => undefined }, new StatsStore(), new InternalListeners())
    clusters.install(clusters.prepare(fromJson(ClusterSchema, parse(cluster(up.port)) as JsonValue)))
    const heard: string[] = []
    const stream = clusters.start(
      'up',
      {
        onHeaders: (headers) => heard.push(`headers ${headers.get(':status')}`),
        onData: (data, end) => heard.push(`data ${data.length} ${end}`),
        onTrailers: () => heard.push('trailers'),
        onComplete: () => heard.push('complete'),
        onReset: (reason) => heard.push(`reset ${reason}`),
      },
      { timeoutMs: 100 },
    )
    try {
      const headers = [
        [':method', 'GET'],
        [':path', '/'],
        [':authority', 'a'],
      ] as const
      stream?.sendHeaders(HeaderMap.of(headers), true)
      await eventually(() => heard.some((one) => one === 'complete' || one.startsWith('reset')))
      assert.deepEqual(heard, expected)
    } finally {
      clusters.close()
      await up.close()
    }
  })
}
