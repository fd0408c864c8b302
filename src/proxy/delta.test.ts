/** `api_type: DELTA_GRPC`: what is in force by responses that tell only what changes; test/differential/xds compares it with Envoy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TypeUrl } from '../xds/index.ts'
import { type ProxyHandle, parseBootstrap, startProxy } from './index.ts'
import { TLS } from './listener/testing.ts'
import { anyYaml, clusterAny, eventually, get, httpListener, listenerAny, TestControl } from './testing.ts'

const BOOTSTRAP = `
dynamic_resources:
  cds_config: { ads: {}, resource_api_version: V3 }
  lds_config: { ads: {}, resource_api_version: V3 }
  ads_config: { api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: xds } }] }
`
const FOR_EVER = '{ ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s }'

async function withProxy(work: (control: TestControl, proxy: ProxyHandle) => Promise<void>): Promise<void> {
  const control = new TestControl()
  const bootstrap = parseBootstrap(BOOTSTRAP, 'bootstrap')
  const proxy = await startProxy({ bootstrap, ads: control.transport, node: { id: 'test' }, workers: 1 })
  try {
    await work(control, proxy)
  } finally {
    await proxy.close(0)
    control.server.close()
  }
}

const plain = (name: string, more = '') => clusterAny(`{ name: ${name}, type: STATIC, ${more} }`)
const web = (name: string, body = name) =>
  listenerAny(
    httpListener({
      name,
      routes: `[{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${body} } } }]`,
    }),
  )

test('what a response does not name stays, and what it takes away goes', () =>
  withProxy(async (control, proxy) => {
    assert.deepEqual(
      control.server.connections().map(({ delta }) => delta),
      [true],
    )
    const lbPolicy = (name: string) => proxy.config.clusters.get(name)?.proto.lbPolicy
    control.set(TypeUrl.cluster, { a: plain('a'), b: plain('b') })
    control.set(TypeUrl.listener, { one: web('one'), two: web('two') }).push()
    const { port } = await proxy.listening('one')
    await proxy.listening('two')
    const before = proxy.config.clusters.get('a')
    control.set(TypeUrl.cluster, { a: plain('a'), b: plain('b', 'lb_policy: RANDOM'), c: plain('c') })
    control.set(TypeUrl.listener, { one: web('one', 'changed') }).push()
    await eventually(() => proxy.config.clusters.has('c') && !proxy.config.listeners.has('two'))
    assert.equal(proxy.config.clusters.get('a'), before)
    assert.notEqual(lbPolicy('b'), 0)
    await eventually(async () => (await get(port)).body === 'changed')
    control.set(TypeUrl.cluster, { c: plain('c') }).push()
    await eventually(() => proxy.config.clusters.size === 1)
    assert.deepEqual(control.nacks, [])
  }))

test('of a response with one resource that cannot be read the others count', () =>
  withProxy(async (control, proxy) => {
    control.set(TypeUrl.cluster, { a: plain('a'), bad: web('bad') }).push()
    await eventually(() => control.nacks.length > 0 && proxy.config.clusters.has('a'))
    assert.match(control.nacks[0].error, /bad: expected envoy.config.cluster.v3.Cluster/)
  }))

test('who waits for a secret or for endpoints that there are not goes on without', () =>
  withProxy(async (control, proxy) => {
    const chain = `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: s, sds_config: ${FOR_EVER} }] } } }`
    control.set(TypeUrl.cluster, {
      a: clusterAny(`{ name: a, type: EDS, eds_cluster_config: { eds_config: ${FOR_EVER} } }`),
    })
    // Without endpoints of the first clusters no listeners are asked for.
    control.set(TypeUrl.listener, { web: listenerAny(httpListener({ chain })) }).push()
    await proxy.listening('web')
    assert.deepEqual(proxy.config.endpoints.get('a')?.proto.endpoints, [])
  }))

test('routes that are taken away serve for as long as a listener names them', () =>
  withProxy(async (control, proxy) => {
    const rds = `rds: { route_config_name: r, config_source: ${FOR_EVER} }`
    const routes = anyYaml(
      '{ "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }] }',
    )
    control.set(TypeUrl.cluster, {})
    control.set(TypeUrl.route, { r: routes })
    control.set(TypeUrl.listener, { web: listenerAny(httpListener({ hcm: rds })) }).push()
    const { port } = await proxy.listening('web')
    control.set(TypeUrl.route, {})
    const version = control.push()
    await eventually(() => control.acks.includes(`rds ${version}`))
    assert.equal((await get(port)).status, 200)
  }))
