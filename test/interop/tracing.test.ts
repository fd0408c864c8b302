/** The same requests through Envoy and through Sluice leave the same spans at a real OTLP collector. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { RateLimitResponse_Code as Code, RateLimitResponseSchema } from '../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { grpcService } from '../../src/proxy/filters/testing.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { type Collector, type ReceivedSpan, startCollector } from './otlp-collector.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy'
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'

/** Path, headers, and how many spans come of it where upstream requests have their own. */
const REQUESTS: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
  ['/plain?q=1', { 'x-h': 'a value', 'user-agent': 'test' }, 2],
  ['/long/and/longer', {}, 2],
  ['/decorated', { traceparent: `${PARENT}-01`, tracestate: 'a=b' }, 2],
  ['/named-by-caller', { 'x-envoy-decorator-operation': 'caller' }, 2],
  ['/client', { 'x-client-trace-id': 'mine' }, 2],
  ['/forced', { 'x-envoy-force-trace': '1' }, 2],
  ['/retry', { 'x-answer': '503,200' }, 3],
  ['/reset', { 'x-answer': 'reset,200' }, 3],
  ['/client-error', { 'x-answer': '418' }, 2],
  ['/grpc', { 'content-type': 'application/grpc', 'grpc-timeout': '1S' }, 2],
  ['/direct', {}, 1],
  ['/down', {}, 2],
  ['/slow', { 'x-answer': 'never' }, 3],
  ['/unreadable', { traceparent: 'zz' }, 0],
  ['/not-sampled', { traceparent: `${PARENT}-00` }, 0],
  ['/off', {}, 0],
]

/** Requests that filters make: which of them is told of the trace, and the span that each has. */
const CALLOUTS: typeof REQUESTS = [
  ['/called', {}, 5],
  ['/called', { traceparent: `${PARENT}-00` }, 0],
  ['/called', { authorization: `Bearer ${token('keys')}` }, 6],
  ['/called', { authorization: `Bearer ${token('flaky')}` }, 6],
  ['/called', { authorization: `Bearer ${token('gone')}` }, 6],
]
/** Of the rate limit service. */
const ALLOWED = toBinary(RateLimitResponseSchema, create(RateLimitResponseSchema, { overallCode: Code.OK }))
const FILTERS: readonly unknown[] = [
  {
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.http.jwt_authn.v3.JwtAuthentication`,
      providers: { here: provider('up', 'keys'), flaky: provider('up', 'flaky'), gone: provider('down', 'gone') },
      rules: [
        {
          match: { prefix: '/' },
          requires: {
            requires_any: {
              requirements: [
                ...['here', 'flaky', 'gone'].map((provider_name) => ({ provider_name })),
                { allow_missing_or_failed: {} },
              ],
            },
          },
        },
      ],
    },
  },
  {
    name: 'envoy.filters.http.ext_authz',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.http.ext_authz.v3.ExtAuthz`,
      http_service: { server_uri: { uri: 'http://a', cluster: 'up', timeout: '2s' }, path_prefix: '/ask' },
    },
  },
  {
    name: 'envoy.filters.http.ext_authz.down',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.http.ext_authz.v3.ExtAuthz`,
      grpc_service: { envoy_grpc: { cluster_name: 'down' }, timeout: '2s' },
      failure_mode_allow: true,
    },
  },
  {
    name: 'envoy.filters.http.ratelimit',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.http.ratelimit.v3.RateLimit`,
      domain: 'd',
      timeout: '2s',
      rate_limit_service: { grpc_service: { envoy_grpc: { cluster_name: 'limits' } }, transport_api_version: 'V3' },
      rate_limits: [{ actions: [{ generic_key: { descriptor_value: 'all' } }] }],
    },
  },
  {
    name: 'envoy.filters.http.lua',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.http.lua.v3.Lua`,
      default_source_code: {
        inline_string:
          'function envoy_on_request(h) h:httpCall("up", {[":method"] = "GET", [":path"] = "/lua", [":authority"] = "lua"}, "", 2000) end',
      },
    },
  },
]

/** Its keys are no keys, after a second try, or cannot be had. */
function provider(cluster: string, issuer: string): unknown {
  const retry = { retry_back_off: { base_interval: '0.01s' }, num_retries: 2 }
  const http = { uri: `http://${cluster}/${issuer}`, cluster, timeout: '1s' }
  return { issuer, forward: true, remote_jwks: { http_uri: http, ...(issuer === 'flaky' && { retry_policy: retry }) } }
}

function token(issuer: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part({ iss: issuer })}.c2lnbmVk`
}

interface Options {
  readonly spawn: boolean
  /** The same by the router, where the connection manager does not ask for it. */
  readonly routerSpawns?: boolean
  readonly direction: string
  readonly filters?: readonly unknown[]
  readonly requests?: typeof REQUESTS
}

interface Seen {
  readonly spans: string[]
  /** What the upstream was told, by request. */
  readonly told: string[]
}

async function startUpstream(told: string[]): Promise<Server> {
  const turns = new Map<string, number>()
  const server = createServer((request, response) => {
    const { traceparent = '', tracestate = '', 'x-request-id': id = '' } = request.headers
    const flags = String(traceparent).slice(53)
    const decorator = request.headers['x-envoy-decorator-operation'] ?? ''
    // Envoy sends an empty tracestate where there is none (RFC-wise the same as none).
    told.push(`${request.url} ${flags} ${tracestate} reason=${String(id)[14]} ${decorator}`)
    const turn = turns.get(request.url as string) ?? 0
    turns.set(request.url as string, turn + 1)
    const answers = String(request.headers['x-answer'] ?? (request.url === '/flaky' ? '503,200' : '200')).split(',')
    const answer = answers[Math.min(turn, answers.length - 1)]
    if (answer === 'never') return
    if (answer === 'reset') request.socket.destroy()
    else response.writeHead(Number(answer), { 'x-envoy-decorator-operation': 'upstream' }).end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function bootstrap(collector: Collector, upstream: number, limits: number, options: Options): unknown {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const cluster = (name: string, port: number, more = {}) => ({
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
    ...more,
  })
  const retry = { retry_on: '5xx', num_retries: 1, retry_back_off: { base_interval: '0.005s' } }
  const up = { cluster: 'up', retry_policy: retry }
  const manager = {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
    use_remote_address: true,
    tracing: {
      spawn_upstream_span: options.spawn,
      max_path_tag_length: 12,
      provider: {
        name: 'envoy.tracers.opentelemetry',
        typed_config: {
          '@type': `${TYPE}.config.trace.v3.OpenTelemetryConfig`,
          service_name: 'svc',
          grpc_service: { envoy_grpc: { cluster_name: 'otel' } },
        },
      },
      custom_tags: [
        { tag: 'literal', literal: { value: 'v' } },
        { tag: 'header', request_header: { name: 'x-h', default_value: 'none' } },
        { tag: 'metadata', metadata: { kind: { route: {} }, metadata_key: { key: 'a', path: [{ key: 'b' }] } } },
        { tag: 'absent', environment: { name: 'SLUICE_TEST_NOT_SET' } },
      ],
    },
    route_config: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            { match: { prefix: '/decorated' }, decorator: { operation: 'op' }, route: { ...up, prefix_rewrite: '/d' } },
            { match: { prefix: '/direct' }, direct_response: { status: 401 } },
            { match: { prefix: '/down' }, route: { cluster: 'down' } },
            {
              match: { prefix: '/slow' },
              route: { cluster: 'up', timeout: '2s', retry_policy: { ...retry, per_try_timeout: '0.2s' } },
            },
            {
              match: { prefix: '/off' },
              route: up,
              tracing: {
                random_sampling: { numerator: 0 },
                custom_tags: [{ tag: 'literal', literal: { value: 'never seen' } }],
              },
            },
            {
              match: { prefix: '/client' },
              route: up,
              tracing: { custom_tags: [{ tag: 'literal', literal: { value: 'of the route' } }] },
            },
            { match: { prefix: '/' }, metadata: { filter_metadata: { a: { b: 5 } } }, route: up },
          ],
        },
      ],
    },
    http_filters: [
      ...(options.filters ?? []),
      {
        name: 'envoy.filters.http.router',
        typed_config: {
          '@type': `${TYPE}.extensions.filters.http.router.v3.Router`,
          start_child_span: options.routerSpawns === true,
        },
      },
    ],
  }
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  }
  return {
    node: { id: 'node', cluster: 'c', locality: { zone: 'zone' } },
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: address(0),
          traffic_direction: options.direction,
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        cluster('up', upstream, { alt_stat_name: 'up-stat' }),
        cluster('down', 1),
        cluster('otel', collector.grpcPort, { typed_extension_protocol_options: http2 }),
        cluster('limits', limits, { typed_extension_protocol_options: http2 }),
      ],
    },
  }
}

async function observe(which: 'envoy' | 'sluice', options: Options): Promise<Seen> {
  const collector = await startCollector()
  const told: string[] = []
  const upstream = await startUpstream(told)
  const { port } = upstream.address() as AddressInfo
  const dir = mkdtempSync(join(tmpdir(), 'sluice-tracing-'))
  const limits = await grpcService(() => ALLOWED)
  const config = bootstrap(collector, port, limits.port, options)
  let running: RunningProxy | undefined
  try {
    const proxy = which === 'envoy' ? await startEnvoy(peer.path, config, dir) : await startSluice(config)
    running = proxy
    const answers: string[] = []
    const { requests = REQUESTS } = options
    for (const [path, headers] of requests) {
      const response = await limitedFetch(`http://127.0.0.1:${proxy.ports.get('l')}${path}`, { headers })
      await response.text()
      answers.push(`${path} ${response.status} ${response.headers.get('x-envoy-decorator-operation')}`)
    }
    const whole = options.spawn || options.routerSpawns === true || options.filters !== undefined
    const count = requests.reduce((sum, [, , spans]) => sum + (whole ? spans : Math.min(spans, 1)), 0)
    const spans = await collector.until(count)
    checkTree(spans)
    return { spans: spans.map((span) => normal(span, port)).sort(), told: [...told, ...answers] }
  } finally {
    await running?.stop()
    await collector.close()
    await limits.close()
    upstream.closeAllConnections()
    upstream.close()
    rmSync(dir, { recursive: true })
  }
}

/** What must hold for any spans: ids, times, and children that lie in the trace of their parents. */
function checkTree(spans: readonly ReceivedSpan[]): void {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  assert.equal(byId.size, spans.length, 'span ids are unique')
  for (const span of spans) {
    assert.match(span.traceId, /^[0-9a-f]{32}$/)
    assert.ok(span.end >= span.start)
    const parent = byId.get(span.parentId)
    assert.ok(parent !== undefined || span.kind === 2 || span.attributes['node_id'] !== undefined)
    if (parent !== undefined) assert.equal(parent.traceId, span.traceId)
  }
}

function normal(span: ReceivedSpan, upstream: number): string {
  const attributes = Object.entries(span.attributes)
    .map(([name, value]) => [name, value.replace(`:${upstream}`, ':UP').replace(/:\d{4,5}(?=\/|$)/, ':PORT')])
    .map(([name, value]) => (name === 'guid:x-request-id' ? [name, `reason ${value[14]}`] : [name, value]))
    .sort()
  const name = span.name.replace(/:\d{4,5}$/, ':PORT')
  const parent = span.parentId === 'b7ad6b7169203331' ? 'remote' : span.parentId === '' ? 'none' : 'some'
  return JSON.stringify([
    name,
    span.kind,
    span.status,
    parent,
    span.traceState,
    span.resource['service.name'],
    attributes,
  ])
}

describe('spans as Envoy’s', { skip: peer.skip }, () => {
  for (const options of [
    { spawn: true, direction: 'INBOUND' },
    { spawn: false, direction: 'INBOUND' },
    { spawn: true, direction: 'OUTBOUND' },
    { spawn: false, direction: 'OUTBOUND' },
  ]) {
    test(`${options.direction}${options.spawn ? ', with spans for upstream requests' : ''}`, async () => {
      const [theirs, ours] = await Promise.all([observe('envoy', options), observe('sluice', options)])
      assert.deepEqual(ours.told, theirs.told)
      assert.deepEqual(ours.spans, theirs.spans)
    })
  }

  test('with spans for upstream requests by the router’s start_child_span', async () => {
    const options: Options = { spawn: false, routerSpawns: true, direction: 'INBOUND' }
    const [theirs, ours] = await Promise.all([observe('envoy', options), observe('sluice', options)])
    assert.deepEqual(ours.told, theirs.told)
    assert.deepEqual(ours.spans, theirs.spans)
  })

  test('of requests that filters make', async () => {
    const options: Options = { spawn: false, direction: 'INBOUND', filters: FILTERS, requests: CALLOUTS }
    const [theirs, ours] = await Promise.all([observe('envoy', options), observe('sluice', options)])
    assert.deepEqual(ours.told, theirs.told)
    assert.deepEqual(ours.spans, theirs.spans)
  })
})
