import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import { StatsStore } from '../stats/store.ts'
import { cluster, eventually, rawUpstream } from '../testing.ts'
import { asyncRequest } from './async-client.ts'
import type { Cluster } from './cluster.ts'
import { ClusterManager } from './cluster-manager.ts'

const HEADERS = [
  [':method', 'GET'],
  [':path', '/'],
  [':authority', 'a'],
] as const

function manager(port: number, more?: string): ClusterManager {
  const clusters = new ClusterManager({ find: () => undefined }, new StatsStore(), new InternalListeners())
  clusters.install(prepared(clusters, port, more))
  return clusters
}

function prepared(clusters: ClusterManager, port: number, more?: string): Cluster {
  return clusters.prepare(fromJson(ClusterSchema, parse(cluster(port, more)) as JsonValue))
}

// Envoy's AsyncClientImpl::~AsyncClientImpl.
for (const [what, change, ends] of [
  ['is removed', (clusters: ClusterManager) => clusters.remove('up'), true],
  ['is replaced', (clusters: ClusterManager, next: Cluster) => clusters.install(next), true],
  ['gets a new secret', (clusters: ClusterManager) => clusters.prepareRenewal('up')(), false],
] as const) {
  test(`a call without a timeout, when its cluster ${what}`, async () => {
    const up = await rawUpstream((socket) => socket.resume())
    const clusters = manager(up.port)
    const answers: unknown[] = []
    try {
      const ask = () =>
        asyncRequest(clusters, 'up', HeaderMap.of(HEADERS), new BodyBuffer(), undefined, 0, (...answer) =>
          answers.push(answer),
        )
      ask()
      const second = ask()
      await eventually(() => up.sockets.size === 2)
      change(clusters, prepared(clusters, up.port))
      assert.deepEqual(answers, [], 'not from within the change')
      second?.reset()
      if (!ends) clusters.remove('up')
      await eventually(() => up.sockets.size === 0)
      assert.deepEqual(answers, [[undefined, 'cluster removed']])
    } finally {
      clusters.close()
      await up.close()
    }
  })
}

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
    const clusters = manager(up.port)
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
      stream?.sendHeaders(HeaderMap.of(HEADERS), true)
      await eventually(() => heard.some((one) => one === 'complete' || one.startsWith('reset')))
      assert.deepEqual(heard, expected)
    } finally {
      clusters.close()
      await up.close()
    }
  })
}

// Calls of filters go by Envoy's router, and so by the limits of their cluster: a service that hangs is not asked without end.
test('no more requests at once than the cluster allows', async () => {
  let asked = 0
  const up = await rawUpstream((socket) => socket.on('data', () => asked++))
  const clusters = manager(up.port, 'circuit_breakers: { thresholds: [{ max_requests: 1 }] }')
  const answers: string[] = []
  const ask = () =>
    asyncRequest(clusters, 'up', HeaderMap.of(HEADERS), new BodyBuffer(), undefined, 0, (answer) => {
      answers.push(`${answer?.headers.get(':status')} ${answer?.body.linearize().latin1Slice()}`)
    })
  try {
    const first = ask()
    await eventually(() => asked === 1)
    ask()
    await eventually(() => answers.length === 1)
    assert.match(answers[0], /^503 .*reset reason: overflow$/)
    first?.reset()
    ask()?.reset()
    ask()
    await eventually(() => asked === 2)
    assert.equal(answers.length, 1)
  } finally {
    clusters.close()
    await up.close()
  }
})

test('an answer without end is not kept', async () => {
  const piece = Buffer.alloc(1 << 20, 'a')
  let gone = false
  const up = await rawUpstream((socket) => {
    const write = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.on('close', () => {
      gone = true
    })
    socket.on('drain', write)
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      write()
    })
  })
  const clusters = manager(up.port)
  const heard: unknown[] = []
  try {
    asyncRequest(clusters, 'up', HeaderMap.of(HEADERS), new BodyBuffer(), undefined, 0, (...answer) =>
      heard.push(answer),
    )
    await eventually(() => gone)
    assert.deepEqual(heard, [[undefined, 'the answer is longer than 33554432 bytes']])
  } finally {
    clusters.close()
    await up.close()
  }
})

// Filter::onUpstreamReset: a full circuit breaker is none of the host's doing.
test('what the limits of its cluster refuse does not eject the host', async () => {
  const up = await rawUpstream(() => {})
  const breakers = 'circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] }'
  const clusters = manager(
    up.port,
    `${breakers}\noutlier_detection: { consecutive_5xx: 1, enforcing_consecutive_5xx: 100 }`,
  )
  try {
    const answer = await new Promise<string>((resolve) =>
      asyncRequest(clusters, 'up', HeaderMap.of(HEADERS), new BodyBuffer(), undefined, 0, (found) =>
        resolve(`${found?.body.linearize().latin1Slice()}`),
      ),
    )
    assert.match(answer, /overflow/)
    assert.equal(clusters.get('up')?.hosts[0].healthFlags, 0)
  } finally {
    clusters.close()
    await up.close()
  }
})

test('a call that is given up hears nothing more, from within its answer or on the way to it', async () => {
  const up = await rawUpstream((socket) => socket.destroy())
  const clusters = manager(up.port, 'circuit_breakers: { thresholds: [{ max_pending_requests: 1 }] }')
  const heard: string[] = []
  const start = (name: string, onHeaders = () => {}) => {
    const stream = clusters.start('up', {
      onHeaders: () => {
        heard.push(name)
        onHeaders()
      },
      onData: () => heard.push(`${name} data`),
      onTrailers: () => {},
      onComplete: () => heard.push(`${name} complete`),
      onReset: () => heard.push(`${name} reset`),
    })
    stream?.sendHeaders(HeaderMap.of(HEADERS), true)
    return stream
  }
  try {
    const first = start('first')
    // Refused as it is begun, when the first has the only place: its answer is on the way.
    const second = start('second')
    const third = start('third', () => third?.reset())
    process.nextTick(() => second?.reset())
    await eventually(() => heard.includes('first complete'))
    assert.deepEqual(
      heard.filter((one) => !one.startsWith('first')),
      ['third'],
    )
    first?.reset()
  } finally {
    clusters.close()
    await up.close()
  }
})
