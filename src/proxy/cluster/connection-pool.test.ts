import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { Flag, FrameType } from '../http2/frame.ts'
import { frame } from '../http2/testing.ts'
import { StatsStore } from '../stats/store.ts'
import { eventually, rawUpstream } from '../testing.ts'
import { Cluster } from './cluster.ts'
import type { UpstreamCallbacks, UpstreamStream } from './upstream.ts'

const PUT = [':authority', 'a', ':path', '/', ':method', 'PUT', ':scheme', 'http']

/** A request that only waits for its connection. */
class Waiting implements UpstreamCallbacks {
  stream: UpstreamStream | undefined
  failed = ''
  onPoolReady(stream: UpstreamStream): void {
    this.stream = stream
  }
  onPoolFailure(_: number, reason: string): void {
    this.failed = reason
  }
  onUpstreamHeaders(): void {}
  onUpstreamData(): void {}
  onUpstreamTrailers(): void {}
  onUpstreamReset(): void {}
  onUpstreamBlocked(): void {}
  onUpstreamDrained(): void {}
}

/** A request whose body is not all there, and whose answer waits. */
class Reading extends Waiting {
  headers = false
  text = ''
  override onPoolReady(stream: UpstreamStream): void {
    super.onPoolReady(stream)
    stream.sendHeaders(new HeaderMap(PUT), false)
    stream.pauseReading()
  }
  override onUpstreamHeaders(): void {
    this.headers = true
  }
  override onUpstreamData(data?: BodyBuffer, end?: boolean): void {
    this.text += `${data?.linearize().toString()}${end ? '.' : ''}`
  }
  override onUpstreamReset(_?: number, reason = ''): void {
    this.failed = reason
  }
}

/** A cluster of one host. */
function clusterOf(port: number, options: string) {
  const yaml = `
name: c
load_assignment:
  cluster_name: c
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]
${options}`
  const stats = new StatsStore()
  const cluster = new Cluster(fromJson(ClusterSchema, parse(yaml) as JsonValue), { find: () => undefined }, stats)
  return { stats, cluster }
}

// A host that discovery drops, or whose connections are to be new ones: Envoy serves who waits already (ConnPoolImplBase::drainConnections).
describe('a pool that drains while requests wait for a connection', () => {
  for (const [protocol, options] of [
    ['HTTP/1.1', ''],
    ['HTTP/2', 'http2_protocol_options: {}'],
  ] as const) {
    test(`${protocol}: gives them theirs, and closes it behind them`, async () => {
      let connections = 0
      const up = await rawUpstream((socket) => {
        connections++
        socket.resume()
      })
      const { stats, cluster } = clusterOf(up.port, options)
      const active = stats.gauge('cluster.c.upstream_cx_active')
      try {
        const requests = [new Waiting(), new Waiting()]
        const { pool } = cluster.hosts[0]
        for (const request of requests) pool.newStream(request, false)
        pool.drain()
        await eventually(() => requests.every(({ stream }) => stream !== undefined))
        assert.ok(connections <= 2, `${connections} connections for 2 requests`)
        assert.equal(stats.gauge('cluster.c.upstream_rq_pending_active').value, 0)
        for (const { stream } of requests) stream?.reset()
        await eventually(() => active.value === 0)
        assert.ok(connections <= 2)
      } finally {
        cluster.close()
        await up.close()
      }
    })

    test(`${protocol}: opens none for those who gave up`, async () => {
      const up = await rawUpstream((socket) => socket.resume())
      const { stats, cluster } = clusterOf(up.port, options)
      try {
        const { pool } = cluster.hosts[0]
        pool.newStream(new Waiting(), false)?.cancel()
        pool.drain()
        await eventually(() => stats.gauge('cluster.c.upstream_cx_active').value === 0)
        assert.equal(stats.counter('cluster.c.upstream_cx_total').value, 1)
      } finally {
        cluster.close()
        await up.close()
      }
    })
  }
})

describe('a connection to a host that reads nothing', () => {
  const OPEN = 0x7fff_0000
  const settings = Buffer.alloc(6)
  settings.writeUInt16BE(4, 0)
  settings.writeUInt32BE(OPEN, 2)
  const window = Buffer.alloc(4)
  window.writeUInt32BE(OPEN)
  /** No window keeps the request back. */
  const open = Buffer.concat([frame(FrameType.Settings, 0, 0, settings), frame(FrameType.WindowUpdate, 0, 0, window)])
  for (const [protocol, options, greeting] of [
    ['HTTP/1.1', '', ''],
    ['HTTP/2', 'http2_protocol_options: {}', open],
  ] as const) {
    test(`${protocol}: is closed when it is not needed any more`, async () => {
      const up = await rawUpstream((socket) => socket.write(greeting))
      const { stats, cluster } = clusterOf(up.port, options)
      try {
        const request = new Waiting()
        const { pool } = cluster.hosts[0]
        pool.newStream(request, false)
        await eventually(() => request.stream !== undefined)
        request.stream?.sendHeaders(new HeaderMap(PUT), false)
        // Its windows have to be known.
        await new Promise((resolve) => setTimeout(resolve, 50))
        request.stream?.sendData(BodyBuffer.of(Buffer.alloc(32 << 20)), false)
        await new Promise((resolve) => setTimeout(resolve, 50))
        request.stream?.reset()
        pool.drain()
        await eventually(() => stats.gauge('cluster.c.upstream_cx_active').value === 0)
      } finally {
        cluster.close()
        await up.close()
      }
    })
  }
})

describe('an HTTP/2 answer that is whole before its request, and waits to be read', () => {
  const answer = [
    frame(FrameType.Settings, 0, 0, ''),
    frame(FrameType.Headers, Flag.EndHeaders, 1, '88'),
    frame(FrameType.Data, 0, 1, Buffer.from('first ')),
    frame(FrameType.Data, Flag.EndStream, 1, Buffer.from('last')),
  ]
  for (const [how, end] of [
    [
      'by RST_STREAM with NO_ERROR (RFC 9113 8.1)',
      (socket) => socket.write(frame(FrameType.RstStream, 0, 1, '00000000')),
    ],
    ['with its connection', (socket) => socket.end()],
  ] as [string, (socket: Socket) => void][]) {
    test(`is read, though its stream ended ${how}`, async () => {
      let answered = false
      const up = await rawUpstream((socket) =>
        socket.once('data', () => {
          for (const part of answer) socket.write(part)
          end(socket)
          answered = true
        }),
      )
      const { cluster } = clusterOf(up.port, 'http2_protocol_options: {}')
      try {
        const request = new Reading()
        cluster.hosts[0].pool.newStream(request, false)
        await eventually(() => request.headers && answered)
        await new Promise((resolve) => setTimeout(resolve, 50))
        request.stream?.resumeReading()
        assert.equal(request.text, 'first last.')
        // Who still sends, as through a tunnel, has to know that nobody reads it.
        assert.notEqual(request.failed, '')
      } finally {
        cluster.close()
        await up.close()
      }
    })
  }
})
