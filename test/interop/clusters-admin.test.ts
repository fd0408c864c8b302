/** `/clusters` of the admin endpoint beside Envoy's: all lines, and all of the JSON with the order of its fields. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'
const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

/** How a host is told of beside its address. */
const HOSTS: Readonly<Record<string, { readonly of?: object; readonly endpoint?: object; readonly entry?: object }>> = {
  plain: {},
  told: {
    of: { locality: { region: 'r', sub_zone: 's' } },
    endpoint: { hostname: 'h' },
    entry: { metadata: { filter_metadata: { 'envoy.lb': { canary: true } } }, load_balancing_weight: 3 },
  },
  draining: { entry: { health_status: 'DRAINING' } },
  unhealthy: { entry: { health_status: 'UNHEALTHY' } },
  measured: {},
  failing: {},
  pending: {},
}

function bootstrap(port: number, silent: number): unknown {
  const clusters = Object.entries(HOSTS).map(([name, { of, endpoint, entry }]) => ({
    name,
    type: 'STATIC',
    connect_timeout: '60s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          ...of,
          lb_endpoints: [{ endpoint: { address: address(name === 'pending' ? silent : port), ...endpoint }, ...entry }],
        },
      ],
    },
    ...(name === 'pending' && {
      transport_socket: {
        name: 'tls',
        typed_config: { '@type': `${TYPE}.transport_sockets.tls.v3.UpstreamTlsContext` },
      },
    }),
    // So that the rates of the first interval stay.
    ...((name === 'measured' || name === 'failing') && {
      outlier_detection: { interval: '2s', success_rate_minimum_hosts: 1, success_rate_request_volume: 1 },
    }),
  }))
  const routes = Object.keys(HOSTS).map((name) => ({
    match: { path: `/${name}` },
    route: { cluster: name, timeout: '0s' },
  }))
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  }
  const listener = {
    name: 'l',
    address: address(0),
    filter_chains: [{ filters: [{ name: 'f', typed_config: manager }] }],
  }
  const empty = { name: 'empty', type: 'STATIC', load_assignment: { cluster_name: 'empty' } }
  return {
    admin: { address: address(0) },
    static_resources: { listeners: [listener], clusters: [...clusters, empty] },
  }
}

/** Text and JSON by cluster: Envoy tells of them in any order. */
async function observe({ admin, ports }: RunningProxy): Promise<Record<string, string>> {
  const text = async (path: string) => fetchText(`http://${admin}${path}`)
  const given = new AbortController()
  const waits = limitedFetch(`http://127.0.0.1:${ports.get('l')}/pending`, given).catch(() => {})
  for (const name of ['plain', 'measured', 'failing'])
    await (await limitedFetch(`http://127.0.0.1:${ports.get('l')}/${name}`)).arrayBuffer()
  const told = async () => text('/clusters')
  const awaited = [/measured::\S*::success_rate::100/, /failing::\S*::success_rate::0/, /rq_pending_active::1/]
  await eventually(
    async () => {
      const text = await told()
      return awaited.every((one) => one.test(text))
    },
    'rates and a request that waits',
    10_000,
  )
  const found: Record<string, string> = {}
  for (const line of (await told()).split('\n')) {
    const [name] = line.split('::')
    found[name] = `${found[name] ?? ''}${line}\n`
  }
  const { cluster_statuses: statuses } = JSON.parse(await text('/clusters?format=json'))
  for (const status of statuses) found[`${status.name} in JSON`] = JSON.stringify(status, undefined, 1)
  given.abort()
  await waits
  return found
}

test('/clusters tells of clusters and hosts what Envoy does', { skip: peer.skip }, async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/failing' ? 500 : 200).end()
  }).listen(0, '127.0.0.1')
  // It never answers the first message of TLS.
  const silent = createTcpServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
  await Promise.all([once(server, 'listening'), once(silent, 'listening')])
  const config = bootstrap((server.address() as AddressInfo).port, (silent.address() as AddressInfo).port)
  const dir = mkdtempSync(join(tmpdir(), 'sluice-clusters-'))
  const proxies: RunningProxy[] = []
  try {
    proxies.push(await startEnvoy(peer.path, config, dir))
    proxies.push(await startSluice(config))
    const [theirs, ours] = await Promise.all(proxies.map(observe))
    assert.deepEqual(ours, theirs)
  } finally {
    for (const proxy of proxies) await proxy.stop()
    server.closeAllConnections()
    server.close()
    silent.close()
    rmSync(dir, { recursive: true })
  }
})
