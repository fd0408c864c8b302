/** Consistent hashing over many keys: each finds the host that Envoy chooses. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, get, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fetchText } from '../limited-fetch.ts'
import { startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const EXTENSIONS = 'type.googleapis.com/envoy.extensions'
const HOSTS = 6
const KEYS = 200

interface Variant {
  readonly cluster: Readonly<Record<string, unknown>>
  readonly weights?: readonly number[]
  readonly hostnames?: boolean
  readonly hashKeys?: boolean
  /** The hosts in two localities of these weights. */
  readonly localities?: readonly [number, number]
  /** Hosts that are down. */
  readonly down?: readonly number[]
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  ring: { cluster: { lb_policy: 'RING_HASH' } },
  'ring-small': {
    cluster: { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 20, maximum_ring_size: 50 } },
  },
  'ring-capped': {
    cluster: { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 3, maximum_ring_size: 4 } },
  },
  'ring-murmur': { cluster: { lb_policy: 'RING_HASH', ring_hash_lb_config: { hash_function: 'MURMUR_HASH_2' } } },
  'ring-weighted': { cluster: { lb_policy: 'RING_HASH' }, weights: [1, 2, 3, 5, 7, 30] },
  'ring-hostname': {
    cluster: {
      type: 'STRICT_DNS',
      lb_policy: 'RING_HASH',
      common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
    },
    hostnames: true,
  },
  'ring-key': { cluster: { lb_policy: 'RING_HASH' }, hashKeys: true },
  'ring-localities': {
    cluster: { lb_policy: 'RING_HASH', common_lb_config: { locality_weighted_lb_config: {} } },
    localities: [1, 4],
    weights: [1, 2, 3, 1, 1, 2],
  },
  'ring-roundings': {
    cluster: { lb_policy: 'RING_HASH', common_lb_config: { locality_weighted_lb_config: {} } },
    localities: [3, 7],
    weights: [1, 2, 1, 3, 7, 11],
  },
  'ring-localities-down': {
    cluster: {
      lb_policy: 'RING_HASH',
      common_lb_config: { healthy_panic_threshold: { value: 0 }, locality_weighted_lb_config: {} },
    },
    localities: [1, 4],
    down: [0, 3, 5],
  },
  maglev: { cluster: { lb_policy: 'MAGLEV' } },
  'maglev-small': { cluster: { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 53 } } },
  'maglev-weighted': { cluster: { lb_policy: 'MAGLEV' }, weights: [1, 2, 3, 5, 7, 30] },
  'maglev-key': { cluster: { lb_policy: 'MAGLEV' }, hashKeys: true },
  'maglev-localities': {
    cluster: { lb_policy: 'MAGLEV', common_lb_config: { locality_weighted_lb_config: {} } },
    localities: [3, 1],
  },
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function cluster(name: string, variant: Variant, ports: readonly number[]): unknown {
  const endpoints = ports.map((port, i) => ({
    endpoint: { address: address(port), ...(variant.hostnames === true ? { hostname: `host-${i}.example` } : {}) },
    ...(variant.down?.includes(i) === true ? { health_status: 'UNHEALTHY' } : {}),
    ...(variant.weights === undefined ? {} : { load_balancing_weight: variant.weights[i] }),
    ...(variant.hashKeys === true ? { metadata: { filter_metadata: { 'envoy.lb': { hash_key: `kéy ${i}` } } } } : {}),
  }))
  const groups =
    variant.localities === undefined
      ? [{ lb_endpoints: endpoints }]
      : variant.localities.map((weight, i) => ({
          locality: { zone: `z${i}` },
          load_balancing_weight: weight,
          lb_endpoints: i === 0 ? endpoints.slice(0, 2) : endpoints.slice(2),
        }))
  return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints: groups }, ...variant.cluster }
}

function bootstrap(ports: readonly number[]): unknown {
  const manager = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            ...Object.keys(VARIANTS).map((name) => ({
              match: { path: `/${name}` },
              route: { cluster: name, hash_policy: [{ header: { header_name: 'x-key' } }] },
            })),
            {
              match: { path: '/cookie' },
              route: {
                cluster: 'ring',
                hash_policy: [
                  {
                    cookie: { name: 'c', ttl: '90s', path: '/p', attributes: [{ name: 'SameSite', value: 'Strict' }] },
                  },
                  { cookie: { name: 'session', ttl: '0s' } },
                ],
              },
            },
          ],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } }],
  }
  const tcp = {
    '@type': `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 't',
    cluster: 'ring',
    hash_policy: [{ source_ip: {} }],
  }
  const listener = (name: string, config: unknown) => ({
    name,
    address: address(0),
    filter_chains: [{ filters: [{ name: 'filter', typed_config: config }] }],
  })
  return {
    admin: { address: address(0) },
    static_resources: {
      listeners: [listener('http', manager), listener('tcp', tcp)],
      clusters: Object.entries(VARIANTS).map(([name, variant]) => cluster(name, variant, ports)),
    },
  }
}

interface Answer {
  readonly host: string
  readonly cookies: readonly string[]
  readonly from: number
}

function ask(port: number, path: string, headers: Record<string, string>, agent: Agent): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
      const from = request.socket?.localPort ?? 0
      let host = ''
      response.on('data', (chunk) => (host += chunk))
      response.on('end', () => resolve({ host, cookies: response.headers['set-cookie'] ?? [], from }))
    })
    request.on('error', reject)
  })
  return within(`the answer to ${path}`, answered)
}

/** The host of each key by variant, and of connections; and what is told of the tables. */
async function observe(which: 'envoy' | 'sluice', ports: readonly number[]): Promise<Record<string, unknown>> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-hashing-'))
  const config = bootstrap(ports)
  const proxy = which === 'envoy' ? await startEnvoy(peer.path, config, dir) : await startSluice(config)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const port = proxy.ports.get('http') as number
    const seen: Record<string, unknown> = {}
    for (const name of Object.keys(VARIANTS)) {
      const hosts: string[] = []
      for (let i = 0; i < KEYS; i++) {
        const key = i === 0 ? '' : `${'key '.repeat(i % 12)}${i}`
        hosts.push((await ask(port, `/${name}`, { 'x-key': key }, agent)).host)
      }
      seen[name] = hosts.join(' ')
    }
    const first = await ask(port, '/cookie', {}, agent)
    const back = await ask(port, '/cookie', { cookie: first.cookies.map((c) => c.split(';')[0]).join('; ') }, agent)
    assert.equal(back.host, first.host, 'a cookie leads to the same host')
    seen['cookies'] = [first.cookies.map((c) => c.replace(/"[0-9a-f]{16}"/, 'value')), back.cookies]
    const socket = connect(proxy.ports.get('tcp') as number, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    let text = ''
    for await (const chunk of socket) text += chunk
    seen['tcp'] = text.slice(-1)
    const stats = await fetchText(`http://${proxy.admin}/stats?filter=(ring_hash|maglev)_lb`)
    seen['tables'] = stats.trim().split('\n').sort()
    return seen
  } finally {
    agent.destroy()
    await proxy.stop()
    rmSync(dir, { recursive: true })
  }
}

describe('consistent hashing', { skip: peer.skip }, () => {
  test('each key finds the host that Envoy chooses', async () => {
    const servers: Server[] = []
    const ports: number[] = []
    for (let i = 0; i < HOSTS; i++) {
      const server = createServer((_, response) => response.end(String(i))).listen(0, '127.0.0.1')
      await once(server, 'listening')
      servers.push(server)
      ports.push((server.address() as AddressInfo).port)
    }
    try {
      const theirs = await observe('envoy', ports)
      const ours = await observe('sluice', ports)
      assert.deepEqual(ours, theirs)
      assert.ok(new Set(String(theirs['ring']).split(' ')).size === HOSTS, 'keys reach all hosts')
    } finally {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    }
  })
})
