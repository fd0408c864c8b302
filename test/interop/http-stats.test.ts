/** What a connection manager counts of connections and requests, by what they meet, beside Envoy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { Authority, type Pair } from '../../src/proxy/listener/testing.ts'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
const LAST = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'

interface Situation {
  /** Of the connection manager. */
  readonly hcm?: Record<string, unknown>
  readonly filters?: readonly unknown[]
  /** What the client says, and then waits for the end; `leave`: it ends at once. */
  readonly raw?: string
  readonly leave?: boolean
  /** One request by HTTP/2, and then the client's end. */
  readonly http2?: boolean
  /** Of that request; `open`: its body has not ended. */
  readonly path?: string
  readonly open?: boolean
  readonly tls?: boolean
}

const common = (settings: Record<string, unknown>) => ({ common_http_protocol_options: settings })
const path = (target: string) => `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`

const SITUATIONS: Readonly<Record<string, Situation>> = {
  one: { raw: LAST },
  several: { raw: GET + GET + LAST },
  silent: { leave: true },
  http2: { http2: true },
  'early-http2': { http2: true, path: '/direct', open: true },
  secure: { tls: true, raw: LAST },
  direct: { raw: path('/direct') },
  redirect: { raw: path('/redirect') },
  'no-route': { raw: path('/nowhere') },
  'no-cluster': { raw: path('/no-cluster') },
  'no-http': { raw: 'hello\r\n\r\n' },
  'half-a-head': { hcm: { request_headers_timeout: '0.2s' }, raw: 'GET / HT' },
  'half-a-request': {
    hcm: { request_timeout: '0.2s' },
    raw: 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab',
  },
  'idle-stream': {
    hcm: { stream_idle_timeout: '0.2s' },
    raw: 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab',
  },
  'long-stream': { hcm: common({ max_stream_duration: '0.2s' }), raw: path('/never') },
  idle: { hcm: common({ idle_timeout: '0.2s' }), raw: GET },
  old: { hcm: common({ max_connection_duration: '0.3s' }), raw: GET },
  spent: { hcm: common({ max_requests_per_connection: 2 }), raw: GET + GET },
  expected: {
    raw: 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\na',
  },
  early: { raw: 'POST /direct HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab' },
  upgrade: { raw: 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n' },
  star: { raw: 'OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n' },
  fragment: { raw: path('/a#b') },
  'too-large': {
    filters: [
      { name: 'buffer', typed_config: { '@type': `${TYPE}.filters.http.buffer.v3.Buffer`, max_request_bytes: 10 } },
    ],
    raw: `POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 30\r\n\r\n${'x'.repeat(20)}`,
  },
}

/** Envoy counts these, too: bytes, what is under way, and what no situation here is about. */
const NOT_KEPT =
  /_bytes|_active$|cx_length_ms|rq_time$|delayed_close|drain_close|soft_drain|http3|tracing\.|user_agent|\.rbac|\.fault/

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function bootstrap(upstream: number, pair: Pair): unknown {
  const certificate = { certificate_chain: { inline_string: pair.cert }, private_key: { inline_string: pair.key } }
  const secure = {
    name: 'tls',
    typed_config: {
      '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: { tls_certificates: [certificate] },
    },
  }
  const routes = [
    { match: { path: '/direct' }, direct_response: { status: 200 } },
    { match: { path: '/redirect' }, redirect: { path_redirect: '/' } },
    { match: { path: '/no-cluster' }, route: { cluster_header: 'x-none' } },
    { match: { path: '/never' }, route: { cluster: 'up', timeout: '0s' } },
    { match: { path: '/' }, route: { cluster: 'up' } },
  ]
  const listeners = Object.entries(SITUATIONS).map(([name, { hcm, filters = [], tls }]) => ({
    name,
    stat_prefix: name,
    address: address(0),
    filter_chains: [
      {
        ...(tls === true ? { transport_socket: secure } : {}),
        filters: [
          {
            name: 'hcm',
            typed_config: {
              '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              delayed_close_timeout: '0.1s',
              drain_timeout: '0.1s',
              route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
              http_filters: [
                ...filters,
                { name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } },
              ],
              ...hcm,
            },
          },
        ],
      },
    ],
  }))
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }]
  const cluster = { name: 'up', type: 'STATIC', load_assignment: { cluster_name: 'up', endpoints } }
  return { admin: { address: address(0) }, static_resources: { listeners, clusters: [cluster] } }
}

async function meet(port: number, { raw = '', leave, http2, tls, path = '/', open = false }: Situation): Promise<void> {
  if (http2 === true) {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const request = session.request({ ':path': path, ':method': open ? 'POST' : 'GET' }, { endStream: !open })
    await once(request.on('error', () => {}).resume(), 'close')
    session.close()
    await once(session, 'close')
    return
  }
  const where = { port, host: '127.0.0.1' }
  const socket = tls === true ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where)
  socket.on('error', () => {}).resume()
  if (leave === true) socket.end()
  else socket.write(raw)
  await once(socket, 'close')
}

type Counts = Record<string, Record<string, number>>

async function observe(
  pair: Pair,
  start: (config: unknown, dir: string) => Promise<RunningProxy>,
): Promise<{ counts: Counts; names: Set<string> }> {
  const server = createServer((request, response) => {
    request.resume()
    if (request.url !== '/never') response.end('ok')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const dir = mkdtempSync(join(tmpdir(), 'sluice-http-stats-'))
  let running: RunningProxy | undefined
  try {
    const proxy = await start(bootstrap((server.address() as AddressInfo).port, pair), dir)
    running = proxy
    const met = Object.entries(SITUATIONS).map(([name, one]) =>
      within(`the end of ${name}`, meet(proxy.ports.get(name) as number, one), proxy.log),
    )
    await Promise.all(met)
    const text = async (path: string) => fetchText(`http://${proxy.admin}${path}`)
    await eventually(
      async () => !/: [1-9]/.test(await text('/stats?filter=^http.(?!admin).*downstream_(cx|rq)_active$')),
    )
    await sleep(50)
    const counts: Counts = {}
    const names = new Set<string>()
    for (const line of (await text('/stats?filter=^http[.]')).split('\n')) {
      const found = /^http\.([\w-]+)\.(\S+): (\d+)$/.exec(line)
      if (found === null || !(found[1] in SITUATIONS) || NOT_KEPT.test(found[2])) continue
      const [, situation, name, value] = found
      names.add(name)
      counts[situation] ??= {}
      if (value !== '0') counts[situation][name] = Number(value)
    }
    const ofListeners = '^listener[.].*[.]downstream_(cx_(total|destroy)|rq_.*)$'
    for (const line of (await text(`/stats?filter=${ofListeners}`)).split('\n')) {
      const found = /^listener\.([\w-]+)\.(?:http\.\1\.)?(\w+): (\d+)$/.exec(line)
      if (found === null || !(found[1] in SITUATIONS)) continue
      names.add(`listener's ${found[2]}`)
      counts[found[1]][`listener's ${found[2]}`] = Number(found[3])
    }
    return { counts, names }
  } finally {
    await running?.stop()
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
  }
}

describe('counters of connection managers', { skip: peer.skip }, () => {
  test('are Envoy’s', async () => {
    const pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'one.example' }])
    const theirs = await observe(pair, (config, dir) => startEnvoy(peer.path, config, dir))
    const ours = await observe(pair, (config) => startSluice(config))
    for (const name of Object.keys(SITUATIONS)) assert.deepEqual(ours.counts[name], theirs.counts[name], name)
    assert.deepEqual([...ours.names].filter((name) => !theirs.names.has(name)).sort(), [])
  })
})
