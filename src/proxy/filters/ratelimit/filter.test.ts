import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { RateLimitResponseSchema } from '../../../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import type { ProxyHandle } from '../../index.ts'
import {
  cluster,
  eventually,
  exchange,
  FILTERS,
  get,
  H2_UPSTREAM,
  httpListener,
  portOf,
  type Running,
  testProxy,
  upstream,
} from '../../testing.ts'
import { grpcService } from '../testing.ts'

const SERVICE = 'envoy_grpc: { cluster_name: rls, authority: limits.example }'
const filter = (more = '', service = SERVICE) =>
  `{ name: envoy.filters.http.ratelimit, typed_config: { "@type": ${FILTERS}.http.ratelimit.v3.RateLimit, domain: shop, timeout: 5s, rate_limit_service: { grpc_service: { ${service} }, transport_api_version: V3 }${more} } }`
const ROUTES =
  '[{ match: { prefix: / }, route: { cluster: up, rate_limits: [{ actions: [{ remote_address: {} }] }] } }]'

describe('ratelimit', () => {
  let up: Running
  let rls: Awaited<ReturnType<typeof grpcService>>
  let proxy: ProxyHandle
  let said: JsonObject | 'fail' | 'hang' = { overallCode: 'OK' }
  const asked: IncomingHttpHeaders[] = []

  before(async () => {
    up = await upstream()
    rls = await grpcService((headers) => {
      asked.push(headers)
      return typeof said === 'string'
        ? said
        : toBinary(RateLimitResponseSchema, fromJson(RateLimitResponseSchema, said))
    })
    const service = `${SERVICE}, initial_metadata: [{ key: X-Key, value: secret }, { key: x-path, value: "%REQ(:PATH)%" }]`
    const listener = httpListener({ filters: [filter(', stat_prefix: mine', service)], routes: ROUTES })
    proxy = await testProxy([listener], [cluster(up.port), cluster(rls.port, H2_UPSTREAM, 'rls')], {
      admin: { host: '127.0.0.1', port: 0 },
    })
  })

  after(async () => {
    await proxy.close(0)
    await rls.close()
    await up.close()
  })

  const stats = async () => {
    const port = Number(proxy.adminAddress?.split(':').at(-1))
    const { body } = await get(
      port,
      '/stats?usedonly&filter=cluster.up.(ratelimit|upstream_rq_4|internal.upstream_rq_429)',
    )
    return body.trim().split('\n').sort()
  }

  test('the service is asked with its authority and its initial metadata', async () => {
    assert.equal((await get(portOf(proxy), '/a?b')).status, 200)
    const { ':authority': authority, ':path': path, ...rest } = asked[0]
    assert.equal(authority, 'limits.example')
    assert.equal(path, '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit')
    assert.deepEqual([rest['x-key'], rest['x-path']], ['secret', '/a?b'])
  })

  test('decisions are counted for the cluster that the request goes to', async () => {
    said = { overallCode: 'OVER_LIMIT' }
    assert.equal((await get(portOf(proxy))).status, 429)
    said = 'fail'
    assert.equal((await get(portOf(proxy))).status, 200)
    await eventually(async () => (await stats()).length === 7, 'the counters')
    // As Envoy 1.40 has them after the same.
    assert.deepEqual(await stats(), [
      'cluster.up.internal.upstream_rq_429: 1',
      'cluster.up.ratelimit.mine.error: 1',
      'cluster.up.ratelimit.mine.failure_mode_allowed: 1',
      'cluster.up.ratelimit.mine.ok: 1',
      'cluster.up.ratelimit.mine.over_limit: 1',
      'cluster.up.upstream_rq_429: 1',
      'cluster.up.upstream_rq_4xx: 1',
    ])
  })

  test('a service that sends pseudo headers breaks no answer, where those may stand once', async () => {
    const pseudo = [{ key: ':status', value: '201' }]
    const headers = { responseHeadersToAdd: [...pseudo, { key: 'X-Said', value: 'yes' }], requestHeadersToAdd: pseudo }
    const session = connect(`http://127.0.0.1:${portOf(proxy)}`)
    try {
      for (const [overallCode, status] of [
        ['OK', 200],
        ['OVER_LIMIT', 429],
      ] as const) {
        said = { overallCode, ...headers }
        const stream = session.request({ ':path': '/' })
        const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders]
        stream.resume()
        assert.deepEqual([answer[':status'], answer['x-said']], [status, 'yes'])
      }
    } finally {
      session.destroy()
    }
  })

  test('a client that goes away takes its question with it', async () => {
    said = 'hang'
    const gone = exchange(portOf(proxy), 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', 100)
    await eventually(() => rls.streams.size === 1, 'the question')
    await gone
    await eventually(() => rls.streams.size === 0, 'its end')
  })

  for (const [more, service, error] of [
    [', request_type: mine', SERVICE, /ratelimit\.request_type: must be internal, external or both/],
    [', stage: 11', SERVICE, /ratelimit\.stage: must be from 0 to 10/],
    ['', 'google_grpc: { target_uri: a, stat_prefix: a }', /rate_limit_service\.grpc_service\.google_grpc/],
    ['', `${SERVICE}, retry_policy: {}`, /rate_limit_service\.grpc_service\.retry_policy/],
    [', rate_limits: [{ stage: 1, actions: [{ remote_address: {} }] }]', SERVICE, /ratelimit\.rate_limits\[0\]\.stage/],
  ] as const)
    test(`refused: ${error.source}`, () =>
      assert.rejects(testProxy([httpListener({ filters: [filter(more, service)] })], [cluster(up.port)]), error))

  test('refused: what has no effect in Envoy, of a route', () => {
    const route = `{ match: { prefix: / }, route: { cluster: up }, typed_per_filter_config: { envoy.filters.http.ratelimit: { "@type": ${FILTERS}.http.ratelimit.v3.RateLimitPerRoute, override_option: IGNORE_POLICY } } }`
    return assert.rejects(
      testProxy([httpListener({ filters: [filter()], routes: `[${route}]` })], [cluster(up.port)]),
      /ratelimit\.override_option/,
    )
  })
})
