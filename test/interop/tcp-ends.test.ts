/** Who ended the connections of `tcp_proxy` to its cluster, as it is counted, beside Envoy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { closed, within } from '../within.ts'

const peer = await envoy()

/** What either side does once a byte has come through. */
const CASES: Readonly<Record<string, { client?(socket: Socket): void; upstream?(socket: Socket): void }>> = {
  'client-ends': { client: (socket) => socket.end() },
  'client-resets': { client: (socket) => socket.resetAndDestroy() },
  'upstream-ends': { upstream: (socket) => socket.end() },
  'upstream-resets': { upstream: (socket) => socket.resetAndDestroy() },
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function bootstrap(ports: ReadonlyMap<string, number>): unknown {
  const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
  const listeners = [...ports.keys()].map((name) => ({
    name,
    address: address(0),
    filter_chains: [{ filters: [{ name: 'f', typed_config: { '@type': type, stat_prefix: name, cluster: name } }] }],
  }))
  const clusters = [...ports].map(([name, port]) => ({
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  }))
  return { admin: { address: address(0) }, static_resources: { listeners, clusters } }
}

async function observe(start: (config: unknown, dir: string) => Promise<RunningProxy>): Promise<string[]> {
  const servers = new Map(
    Object.entries(CASES).map(([name, { upstream }]) => {
      const server = createServer((socket) => {
        socket.on('error', () => {}).on('data', () => (upstream === undefined ? socket.write('x') : upstream(socket)))
      })
      return [name, server.listen(0, '127.0.0.1')]
    }),
  )
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ends-'))
  let proxy: RunningProxy | undefined
  try {
    await Promise.all([...servers.values()].map((server) => once(server, 'listening')))
    const ports = new Map([...servers].map(([name, server]) => [name, (server.address() as AddressInfo).port]))
    proxy = await start(bootstrap(ports), dir)
    const { admin } = proxy
    for (const [name, { client }] of Object.entries(CASES)) {
      const socket = connect(proxy.ports.get(name) as number, '127.0.0.1').on('error', () => {})
      socket.on('data', () => client?.(socket)).write('x')
      await within(`the end of ${name}`, closed(socket), proxy.log)
    }
    const stats = async (filter: string) => (await fetchText(`http://${admin}/stats?filter=${filter}`)).split('\n')
    await eventually(async () => {
      const ended = await stats('upstream_cx_destroy$')
      return ended.filter((line) => line.endsWith(': 1')).length === servers.size
    })
    return (await stats('upstream_cx_destroy')).sort()
  } finally {
    await proxy?.stop()
    for (const server of servers.values()) server.close()
    rmSync(dir, { recursive: true })
  }
}

test('the ends of TCP connections are counted as by Envoy', { skip: peer.skip }, async () => {
  const theirs = await observe((config, dir) => startEnvoy(peer.path, config, dir))
  assert.deepEqual(await observe((config) => startSluice(config)), theirs)
})
