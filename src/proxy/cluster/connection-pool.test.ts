import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { StatsStore } from '../stats/store.ts'
import { eventually, rawUpstream } from '../testing.ts'
import { Cluster } from './cluster.ts'
import type { UpstreamCallbacks, UpstreamStream } from './upstream.ts'

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
      const yaml = `
name: c
load_assignment:
  cluster_name: c
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${up.port} } } } }] }]
${options}`
      const stats = new StatsStore()
      const cluster = new Cluster(fromJson(ClusterSchema, parse(yaml) as JsonValue), { find: () => undefined }, stats)
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
      const yaml = `
name: c
load_assignment:
  cluster_name: c
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${up.port} } } } }] }]
${options}`
      const stats = new StatsStore()
      const cluster = new Cluster(fromJson(ClusterSchema, parse(yaml) as JsonValue), { find: () => undefined }, stats)
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
