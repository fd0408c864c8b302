/** What clusters and hosts count of upstream requests that fail, beside Envoy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'

/** How each cluster's upstream answers, by try, and its route; one request each. */
const CASES: Readonly<Record<string, { readonly answers: readonly string[]; readonly route?: unknown }>> = {
  good: { answers: ['200'] },
  missing: { answers: ['404'] },
  closing: { answers: ['200 connection: close'] },
  failing: { answers: ['500'] },
  refused: { answers: ['refused'] },
  reset: { answers: ['reset'] },
  garbage: { answers: ['garbage'] },
  slow: { answers: ['never'], route: { timeout: '0.1s' } },
  'slow-try': {
    answers: ['never'],
    route: { timeout: '5s', retry_policy: { retry_on: 'connect-failure', num_retries: 1, per_try_timeout: '0.1s' } },
  },
  'slow-tries': {
    answers: ['never', '200'],
    route: { timeout: '5s', retry_policy: { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.1s' } },
  },
  'silent-try': {
    answers: ['never'],
    route: {
      timeout: '5s',
      retry_policy: { retry_on: '5xx', num_retries: 1, per_try_idle_timeout: '0.1s', ...backOff() },
    },
  },
  'rate-limited': {
    answers: ['503 retry-after: 1', '503', '200'],
    route: {
      retry_policy: {
        retry_on: '5xx',
        num_retries: 2,
        ...backOff(),
        rate_limited_retry_back_off: { reset_headers: [{ name: 'retry-after', format: 'SECONDS' }] },
      },
    },
  },
  redirected: {
    answers: ['302 location: http://x/redirected', '200'],
    route: { internal_redirect_policy: {} },
  },
  'redirect-left': { answers: ['302 location: /redirected'], route: { internal_redirect_policy: {} } },
  'retried-conflict': {
    answers: ['409', '200'],
    route: { retry_policy: { retry_on: 'retriable-4xx', num_retries: 1, ...backOff() } },
  },
  'retried-twice': {
    answers: ['503', '503', '200'],
    route: { retry_policy: { retry_on: '5xx', num_retries: 2, ...backOff() } },
  },
  retried: { answers: ['503', '200'], route: { retry_policy: { retry_on: '5xx', num_retries: 1, ...backOff() } } },
  'retried-reset': {
    answers: ['reset', '200'],
    route: { retry_policy: { retry_on: '5xx', num_retries: 1, ...backOff() } },
  },
  exhausted: { answers: ['503', '503'], route: { retry_policy: { retry_on: '5xx', num_retries: 1, ...backOff() } } },
  'refused-tries': {
    answers: ['refused'],
    route: { retry_policy: { retry_on: '5xx', num_retries: 1, ...backOff() } },
  },
  'slow-gone': {
    answers: ['503', 'never'],
    route: { timeout: '0.2s', retry_policy: { retry_on: '5xx', ...backOff() } },
  },
}

function backOff() {
  return { retry_back_off: { base_interval: '0.001s' } }
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function bootstrap(ports: ReadonlyMap<string, number>): unknown {
  const routes = Object.entries(CASES).map(([name, { route }]) => ({
    match: { path: `/${name}` },
    route: { cluster: name, ...(route as object) },
  }))
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  }
  const clusters = [...ports].map(([name, port]) => ({
    name,
    type: 'STATIC',
    // As many retries as there are requests at a time: each try takes the place of the one before.
    circuit_breakers: { thresholds: [{ max_retries: 1 }] },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  }))
  const listener = {
    name: 'l',
    address: address(0),
    filter_chains: [{ filters: [{ name: 'f', typed_config: manager }] }],
  }
  return { admin: { address: address(0) }, static_resources: { listeners: [listener], clusters } }
}

/** Answers as the path's case says, by the number of requests that it had. */
function upstream(): Server {
  const seen = new Map<string, number>()
  return createServer((request, response) => {
    const path = (request.url ?? '').slice(1)
    const { answers } = CASES[path]
    const count = seen.get(path) ?? 0
    seen.set(path, count + 1)
    const answer = answers[Math.min(count, answers.length - 1)]
    if (answer === 'never') return
    if (answer === 'reset') request.socket.destroy()
    else if (answer === 'garbage') request.socket.end('no HTTP at all\r\n\r\n')
    else {
      const [, status, name, value] = /^(\d+)(?: (\S+): (.*))?$/.exec(answer) as RegExpExecArray
      response.writeHead(Number(status), name === undefined ? {} : { [name]: value }).end()
    }
  })
}

type Counts = Record<string, Record<string, string | number>>

/** The counters that are not 0, by cluster. */
async function observe(start: (config: unknown, dir: string) => Promise<RunningProxy>): Promise<Counts> {
  const server = upstream().listen(0, '127.0.0.1')
  const closed = createTcpServer().listen(0, '127.0.0.1')
  await Promise.all([once(server, 'listening'), once(closed, 'listening')])
  const ports = new Map(
    Object.entries(CASES).map(([name, { answers }]) => [
      name,
      ((answers[0] === 'refused' ? closed : server).address() as AddressInfo).port,
    ]),
  )
  closed.close()
  const dir = mkdtempSync(join(tmpdir(), 'sluice-stats-'))
  let running: RunningProxy | undefined
  try {
    const proxy = await start(bootstrap(ports), dir)
    running = proxy
    const counts: Counts = {}
    for (const name of Object.keys(CASES)) {
      const response = await limitedFetch(`http://127.0.0.1:${proxy.ports.get('l')}/${name}`, { redirect: 'manual' })
      await response.arrayBuffer()
      counts[name] = { status: response.status }
    }
    const text = await (
      await limitedFetch(
        `http://${proxy.admin}/stats?filter=upstream_(rq|internal|cx_(destroy|close_notify|protocol_error))`,
      )
    ).text()
    for (const line of text.split('\n')) {
      const found =
        /^cluster\.([^.]+)\.([a-z_.]*upstream_(?:rq|internal|cx_(?:destroy|close_notify|protocol_error))[a-z_0-9.]*): (\d+)$/.exec(
          line,
        )
      if (found !== null && found[3] !== '0') counts[found[1]][found[2]] = Number(found[3])
    }
    const hosts = await fetchText(`http://${proxy.admin}/clusters`)
    for (const line of hosts.split('\n')) {
      const found = /^([^:]+)::127\.0\.0\.1:\d+::(rq_\w+|cx_connect_fail|cx_total)::(\d+)$/.exec(line)
      if (found !== null && found[3] !== '0') counts[found[1]][`host ${found[2]}`] = Number(found[3])
    }
    return counts
  } finally {
    await running?.stop()
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
  }
}

describe('counters of upstream requests', { skip: peer.skip }, () => {
  test('are Envoy’s', async () => {
    const theirs = await observe((config, dir) => startEnvoy(peer.path, config, dir))
    const ours = await observe((config) => startSluice(config))
    for (const name of Object.keys(CASES)) assert.deepEqual(ours[name], theirs[name], name)
  })
})

test('circuit breakers have the limits and gauges of Envoy', { skip: peer.skip }, async () => {
  const thresholds = [
    { max_requests: 7, max_connections: 0, track_remaining: true },
    { priority: 'HIGH', max_retries: 2 },
  ]
  const cluster = {
    name: 'c',
    type: 'STATIC',
    circuit_breakers: { thresholds },
    load_assignment: { cluster_name: 'c' },
  }
  const answer = { '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 't', cluster: 'c' }
  const plain = {
    name: 'l',
    address: address(0),
    filter_chains: [{ filters: [{ name: 'd', typed_config: answer }] }],
  }
  const config = { admin: { address: address(0) }, static_resources: { listeners: [plain], clusters: [cluster] } }
  const dir = mkdtempSync(join(tmpdir(), 'sluice-breakers-'))
  const proxies: RunningProxy[] = []
  try {
    proxies.push(await startEnvoy(peer.path, config, dir))
    proxies.push(await startSluice(config))
    const [theirs, ours] = await Promise.all(
      proxies.map(async ({ admin }) => {
        const text = async (path: string) => fetchText(`http://${admin}${path}`)
        // Pools of connections are not limited here, and Envoy notices a limit of 0 with the first connection.
        const stats = (await text('/stats?filter=circuit_breakers'))
          .split('\n')
          .filter((line) => !/pool|default.cx_open/.test(line))
        const clusters = (await text('/clusters')).split('\n').filter((line) => line.includes('_priority::'))
        const { cluster_statuses: statuses } = JSON.parse(await text('/clusters?format=json'))
        return {
          stats: stats.sort(),
          clusters,
          json: statuses[0].circuit_breakers,
          name: statuses[0].observability_name,
        }
      }),
    )
    assert.deepEqual(ours, theirs)
  } finally {
    for (const proxy of proxies) await proxy.stop()
    rmSync(dir, { recursive: true })
  }
})

test('a request is active from when it has a connection', { skip: peer.skip }, async () => {
  // It never answers the first message of TLS.
  const silent = createTcpServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const cluster = {
    name: 'c',
    type: 'STATIC',
    connect_timeout: '60s',
    transport_socket: {
      name: 'tls',
      typed_config: { '@type': `${TYPE}.transport_sockets.tls.v3.UpstreamTlsContext` },
    },
    load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  }
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: {
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c' } }] }],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  }
  const listener = {
    name: 'l',
    address: address(0),
    filter_chains: [{ filters: [{ name: 'f', typed_config: manager }] }],
  }
  const config = { admin: { address: address(0) }, static_resources: { listeners: [listener], clusters: [cluster] } }
  const dir = mkdtempSync(join(tmpdir(), 'sluice-active-'))
  const proxies: RunningProxy[] = []
  try {
    proxies.push(await startEnvoy(peer.path, config, dir))
    proxies.push(await startSluice(config))
    const [theirs, ours] = await Promise.all(
      proxies.map(async ({ admin, ports }) => {
        const text = async (path: string) => fetchText(`http://${admin}${path}`)
        const stats = async () => (await text('/stats?filter=upstream_rq_(active|pending_active|total)$')).split('\n')
        const given = new AbortController()
        const asked = limitedFetch(`http://127.0.0.1:${ports.get('l')}/`, given).catch(() => {})
        await eventually(async () => (await stats()).includes('cluster.c.upstream_rq_pending_active: 1'))
        const hosts = (await text('/clusters'))
          .split('\n')
          .filter((line) => /::(rq_active|rq_total|cx_active)/.test(line))
        const found = [...(await stats()), ...hosts].sort()
        given.abort()
        await asked
        await eventually(async () => (await stats()).includes('cluster.c.upstream_rq_pending_active: 0'))
        return [...found, ...(await stats()).sort()]
      }),
    )
    assert.deepEqual(ours, theirs)
  } finally {
    for (const proxy of proxies) await proxy.stop()
    silent.close()
    rmSync(dir, { recursive: true })
  }
})
