import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { AttributeContext } from '../../../../gen/envoy/service/auth/v3/attribute_context_pb.ts'
import { CheckRequestSchema, CheckResponseSchema } from '../../../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import type { ProxyHandle } from '../../index.ts'
import { cluster, FILTERS, get, H2_UPSTREAM, httpListener, portOf, type Running, testProxy } from '../../testing.ts'
import { grpcService } from '../testing.ts'

const perRoute = (settings: string) =>
  `typed_per_filter_config: { a: { "@type": ${FILTERS}.http.ext_authz.v3.ExtAuthzPerRoute, check_settings: ${settings} } }`
const route = (prefix: string, settings: string) =>
  `{ match: { prefix: ${prefix} }, direct_response: { status: 200 }, ${perRoute(settings)} }`
const listener = (routes: string, host = '') =>
  httpListener({
    filters: [
      `{ name: a, typed_config: { "@type": ${FILTERS}.http.ext_authz.v3.ExtAuthz, transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: authz }, timeout: 1s } } }`,
    ],
    hcm: `route_config: { virtual_hosts: [{ name: all, domains: ["*"], ${host}routes: [${routes}] }], ${perRoute('{ context_extensions: { a: table, b: table } }')} }`,
  })

describe('ext_authz by route', () => {
  let proxy: ProxyHandle
  let authz: Running
  const asked: AttributeContext[] = []

  before(async () => {
    authz = await grpcService((_headers, message) => {
      const { attributes } = fromBinary(CheckRequestSchema, message)
      if (attributes !== undefined) asked.push(attributes)
      return toBinary(CheckResponseSchema, create(CheckResponseSchema, { status: { code: 0 } }))
    })
    const routes = [
      route(
        '/bytes',
        '{ with_request_body: { max_request_bytes: 2, allow_partial_message: true, pack_as_bytes: true } }',
      ),
      route('/text', '{ with_request_body: { max_request_bytes: 100 } }'),
      route('/', '{ context_extensions: { c: route } }'),
    ]
    const host = `${perRoute('{ context_extensions: { b: host, c: host } }')}, `
    proxy = await testProxy([listener(routes.join(', '), host)], [cluster(authz.port, H2_UPSTREAM, 'authz')])
  })

  after(async () => {
    await proxy.close(0)
    await authz.close()
  })

  const attributes = async (path: string) => {
    assert.equal((await get(portOf(proxy), path, { method: 'POST', body: 'body' })).status, 200)
    return asked.at(-1)
  }

  // "keys from more specific configs override"
  test('context_extensions are merged, the more specific over the less', async () => {
    assert.deepEqual({ ...(await attributes('/'))?.contextExtensions }, { a: 'table', b: 'host', c: 'route' })
  })

  test('with_request_body of a route sends the body that the filter does not', async () => {
    const said = async (path: string) => {
      const http = (await attributes(path))?.request?.http
      return [http?.body, Buffer.from(http?.rawBody ?? []).toString(), http?.headers['x-envoy-auth-partial-body']]
    }
    assert.deepEqual(await said('/'), ['', '', undefined])
    assert.deepEqual(await said('/text'), ['body', '', 'false'])
    assert.deepEqual(await said('/bytes'), ['', 'bo', 'true'])
  })

  for (const [settings, problem] of [
    [
      '{ disable_request_body_buffering: true, with_request_body: { max_request_bytes: 1 } }',
      /check_settings\.with_request_body: stands beside/,
    ],
    ['{ with_request_body: {} }', /check_settings\.with_request_body\.max_request_bytes: must be/],
  ] as const) {
    test(`refused: ${problem.source}`, async () => {
      await assert.rejects(testProxy([listener(route('/', settings))], []), problem)
    })
  }
})
