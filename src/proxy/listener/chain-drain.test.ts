/** Connections whose filter chain is gone with an update of their listener. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { create, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { registry } from '../index.ts'
import { cluster, FILTERS } from '../testing.ts'
import { DataPlane } from '../worker/data-plane.ts'
import { Authority, type Pair, serverTls } from './testing.ts'

const LONG_MS = 3_600_000

function tcpListener(prefix: string, more = ''): string {
  return `
name: web
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains:
- filters: [{ name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: ${prefix}, cluster: up } }]
  ${more}
`
}

describe('a connection of tcp_proxy whose filter chain is gone', () => {
  let echo: Server
  let plane: DataPlane
  let pair: Pair

  before(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'one.example' }])
    plane = new DataPlane(create(NodeSchema), 0)
    const yaml = cluster((echo.address() as AddressInfo).port)
    const bytes = toBinary(ClusterSchema, fromJson(ClusterSchema, parse(yaml) as JsonValue, { registry }))
    const { result, swap } = await plane.prepare({ kind: 'cluster', name: 'up', bytes, memory: undefined })
    assert.equal(result.error, undefined)
    swap.commit()
  })

  after(async () => {
    await plane.drain(0)
    echo.close()
  })

  let ports: readonly number[] | undefined
  const put = async (yaml: string, drainMs: number) => {
    const bytes = toBinary(ListenerSchema, fromJson(ListenerSchema, parse(yaml) as JsonValue, { registry }))
    const op = { kind: 'listener', name: 'web', bytes, prepared: new Map(), ports, drainMs } as const
    const { result, swap } = await plane.prepare(op)
    assert.equal(result.error, undefined)
    swap.commit()
    ports = result.ports
  }
  const echoes = async (socket: Socket) => {
    socket.write('x')
    assert.equal(String((await once(socket, 'data'))[0]), 'x')
  }

  test('lasts as long as connections may drain', async () => {
    await put(tcpListener('a'), LONG_MS)
    const client = connect(ports?.[0] as number, '127.0.0.1').on('error', () => {})
    await echoes(client)
    await put(tcpListener('b'), LONG_MS)
    await echoes(client)
    client.destroy()
    const other = connect(ports?.[0] as number, '127.0.0.1').on('error', () => {})
    await echoes(other)
    await put(tcpListener('c'), 50)
    await once(other, 'close')
  })

  test('stays where its chain does', async () => {
    await put(tcpListener('a'), 1)
    const client = connect(ports?.[0] as number, '127.0.0.1').on('error', () => {})
    await echoes(client)
    await put(`${tcpListener('a')}\nstat_prefix: other`, 1)
    // The next update's is over behind that of the one before.
    const other = connect(ports?.[0] as number, '127.0.0.1').on('error', () => {})
    await echoes(other)
    await echoes(client)
    client.destroy()
    other.destroy()
  })

  test('gets the filters of the new one where its handshake is not over', async () => {
    await put(tcpListener('a', serverTls(pair)), LONG_MS)
    const raw = connect(ports?.[0] as number, '127.0.0.1')
    await once(raw, 'connect')
    while (plane.connections()['web'] !== 1) await new Promise(setImmediate)
    await put(tcpListener('b', serverTls(pair)), LONG_MS)
    const client = connectTls({ socket: raw, rejectUnauthorized: false })
    await echoes(client)
    client.destroy()
  })

  test('ends with the proxy, however long it might last without its listener', { timeout: 10_000 }, async () => {
    await put(tcpListener('a'), LONG_MS)
    const client = connect(ports?.[0] as number, '127.0.0.1').on('error', () => {})
    await echoes(client)
    plane.run({ kind: 'drain-listeners', drainMs: LONG_MS, inboundOnly: false })
    await echoes(client)
    const closed = once(client, 'close')
    await plane.drain(0)
    await closed
  })
})
