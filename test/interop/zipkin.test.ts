/** B3 in all its forms through Envoy and through Sluice: the same headers go upstream, the same spans to the collector. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy'
const TRACE = '463ac35c9f6413ad48485a3953bb6124'
const SHORT = TRACE.slice(16)
const SPAN = 'a2fb4a1d1a96d312'
const PARENT = '0020000000000001'
const IDS = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN }

/** Path, headers, and whether the request is sampled. */
const REQUESTS: readonly (readonly [string, Readonly<Record<string, string>>, boolean])[] = [
  ['/none', {}, true],
  ['/several', { ...IDS, 'x-b3-parentspanid': PARENT, 'x-b3-sampled': '1' }, true],
  ['/short', { 'x-b3-traceid': SHORT, 'x-b3-spanid': SPAN }, true],
  ['/one', { b3: `${TRACE}-${SPAN}-1-${PARENT}` }, true],
  ['/one-undecided', { b3: `${TRACE}-${SPAN}` }, true],
  ['/one-debug', { b3: `${TRACE}-${SPAN}-d` }, true],
  ['/one-only-no', { b3: '0' }, false],
  ['/only-no', { 'x-b3-sampled': '0' }, false],
  ['/no', { ...IDS, 'x-b3-sampled': '0' }, false],
  ['/debug', { ...IDS, 'x-b3-flags': '1' }, true],
  ['/unreadable', { ...IDS, 'x-b3-traceid': 'zz' }, false],
  ['/one-unreadable', { b3: 'zzz' }, false],
  ['/off', {}, false],
  ['/off-but-asked', { 'x-b3-sampled': '1' }, true],
  ['/off-undecided', IDS, false],
  ['/w3c', { traceparent: `00-${TRACE}-${SPAN}-01` }, true],
]

interface Options {
  readonly spawn: boolean
  readonly direction: string
  readonly provider: Readonly<Record<string, unknown>>
}

async function listen(handler: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

function bootstrap(options: Options, upstream: number, collector: number): unknown {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const cluster = (name: string, port: number) => ({
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  })
  const config = {
    '@type': `${TYPE}.config.trace.v3.ZipkinConfig`,
    collector_cluster: 'zipkin',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    ...options.provider,
  }
  const manager = {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    tracing: {
      spawn_upstream_span: options.spawn,
      provider: { name: 'envoy.tracers.zipkin', typed_config: config },
    },
    route_config: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            { match: { prefix: '/off' }, tracing: { random_sampling: { numerator: 0 } }, route: { cluster: 'up' } },
            { match: { prefix: '/' }, route: { cluster: 'up' } },
          ],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
      },
    ],
  }
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }]
  const listener = {
    name: 'l',
    address: address(0),
    traffic_direction: options.direction,
    filter_chains: [{ filters }],
  }
  return {
    node: { id: 'node', cluster: 'service', locality: { zone: '' } },
    admin: { address: address(0) },
    static_resources: { listeners: [listener], clusters: [cluster('up', upstream), cluster('zipkin', collector)] },
  }
}

/** Ids that were made up on the way keep their length only, ports nothing. */
function normal(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-(.)[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'id $1')
    .replace(/\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g, (id) =>
      [TRACE, SHORT, SPAN, PARENT].includes(id) ? id : `new ${id.length}`,
    )
    .replace(/127\.0\.0\.1:\d+/g, 'host')
}

async function observe(which: 'envoy' | 'sluice', options: Options): Promise<{ told: string[]; spans: string[] }> {
  const told: string[] = []
  const spans: string[] = []
  const want = REQUESTS.filter(([, , sampled]) => sampled).length * (options.spawn ? 2 : 1)
  const all = Promise.withResolvers<void>()
  const upstream = await listen((request, response) => {
    const b3 = Object.entries(request.headers).filter(([name]) => /b3|traceparent/.test(name))
    told.push(normal(JSON.stringify([request.url, ...b3.sort()])))
    response.end('ok')
  })
  const collector = await listen((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      response.writeHead(202).end()
      for (const span of JSON.parse(body) as Record<string, unknown>[]) {
        const { timestamp, duration, annotations: _, localEndpoint, ...rest } = span
        assert.ok(Number(timestamp) > 1.7e15 && Number(duration) > 0)
        assert.equal((localEndpoint as { serviceName: string }).serviceName, 'service')
        const tags = Object.entries(rest['tags'] as Record<string, string>).sort()
        spans.push(normal(JSON.stringify(Object.entries({ ...rest, tags }).sort())))
      }
      if (spans.length >= want) all.resolve()
    })
  })
  const dir = mkdtempSync(join(tmpdir(), 'sluice-zipkin-'))
  const config = bootstrap(options, upstream.port, collector.port)
  let running: RunningProxy | undefined
  try {
    const proxy = which === 'envoy' ? await startEnvoy(peer.path, config, dir) : await startSluice(config)
    running = proxy
    for (const [path, headers] of REQUESTS) {
      await (await limitedFetch(`http://127.0.0.1:${proxy.ports.get('l')}${path}`, { headers })).text()
    }
    await within(`${want} spans`, all.promise, proxy.log)
    return { told, spans: spans.sort() }
  } finally {
    await running?.stop()
    for (const { server } of [upstream, collector]) {
      server.closeAllConnections()
      server.close()
    }
    rmSync(dir, { recursive: true })
  }
}

describe('Zipkin as Envoy', { skip: peer.skip }, () => {
  for (const options of [
    { spawn: false, direction: 'INBOUND', provider: {} },
    { spawn: true, direction: 'INBOUND', provider: { trace_id_128bit: true } },
    { spawn: false, direction: 'OUTBOUND', provider: {} },
    { spawn: false, direction: 'INBOUND', provider: { shared_span_context: false } },
  ]) {
    test(JSON.stringify(options), async () => {
      const [theirs, ours] = await Promise.all([observe('envoy', options), observe('sluice', options)])
      assert.deepEqual(ours.told, theirs.told)
      assert.deepEqual(ours.spans, theirs.spans)
    })
  }
})
