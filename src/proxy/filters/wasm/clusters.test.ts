import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import type { AsyncClient, AsyncStream, AsyncStreamCallbacks } from '../../cluster/async-client.ts'
import { grpcFrame } from '../../grpc-frame.ts'
import { wasmClusters } from './clusters.ts'

/** A gRPC stream of a plugin, with the cluster's side of it. */
function stream() {
  let cluster!: AsyncStreamCallbacks
  const sink: AsyncStream = { sendHeaders() {}, sendData() {}, sendTrailers() {}, reset() {} }
  const client: AsyncClient = {
    hasCluster: () => true,
    statsOf: () => undefined,
    start(_, callbacks) {
      cluster = callbacks
      return sink
    },
  }
  const messages: Uint8Array[] = []
  const closes: string[] = []
  const call = { cluster: 'c', service: 's', method: 'm', metadata: new HeaderMap() }
  const made = wasmClusters(client).grpcStream(call, {
    onInitialMetadata() {},
    onMessage: (message) => void messages.push(message),
    onTrailingMetadata() {},
    onClose: (status, message) => void closes.push(`${status} ${message}`),
  })
  assert.ok(made)
  return { made, cluster, messages, closes }
}

describe('a gRPC stream of a plugin', () => {
  test('counts what it was given while its cluster took no more', () => {
    const { made, cluster } = stream()
    const message = new Uint8Array(1000)
    made.send(message, false)
    assert.equal(made.waiting, 0)
    // It is not connected, and its connection is full.
    cluster.onBlocked?.()
    cluster.onBlocked?.()
    made.send(message, false)
    made.send(message, false)
    cluster.onDrained?.()
    assert.equal(made.waiting, 2010)
    cluster.onDrained?.()
    assert.equal(made.waiting, 0)
  })

  test('gets its messages however they are cut, and copies none for each piece', ({ mock }) => {
    const { cluster, messages, closes } = stream()
    const large = Buffer.alloc(2 << 20, 'x')
    const bytes = Buffer.concat(
      ['one', '', 'three'].map((text) => grpcFrame(Buffer.from(text))).concat(grpcFrame(large)),
    )
    const small = 4000
    cluster.onData(BodyBuffer.of(bytes.subarray(0, 3)), false)
    cluster.onData(BodyBuffer.of(bytes.subarray(3, -small)), false)
    const concat = mock.method(Buffer, 'concat')
    for (let i = bytes.length - small; i < bytes.length; i++)
      cluster.onData(BodyBuffer.of(bytes.subarray(i, i + 1)), false)
    let copied = 0
    for (const { result } of concat.mock.calls) copied += result?.length ?? 0
    assert.deepEqual(
      messages.map(({ length }) => length),
      [3, 0, 5, large.length],
    )
    assert.deepEqual(messages[3], large)
    assert.deepEqual(closes, [])
    assert.ok(copied < 2 * bytes.length, `${copied} bytes`)
  })

  for (const [name, prefix, close] of [
    ['compressed', [1, 0, 0, 0, 1], '13 compressed message'],
    ['too long', [0, 1, 0, 0, 0], '13 message too long'],
  ] as const) {
    test(`ends with a message that is ${name}`, () => {
      const { cluster, messages, closes } = stream()
      cluster.onData(BodyBuffer.of(Buffer.from(prefix)), false)
      cluster.onData(BodyBuffer.of(Buffer.from('more')), false)
      assert.deepEqual([messages, closes], [[], [close]])
    })
  }
})
