/** What becomes of responses by which something is wrong; test/differential/xds compares it with Envoy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { type AdsStream, TypeUrl } from '../xds/index.ts'
import { type ProxyHandle, parseBootstrap, startProxy } from './index.ts'
import { TLS } from './listener/testing.ts'
import { anyYaml, clusterAny, eventually, extensionAny, FILTERS, get, httpListener, listenerAny } from './testing.ts'

const ADS = 'ads: {}, resource_api_version: V3'
const FOR_EVER = `{ ${ADS}, initial_fetch_timeout: 0s }`
const DIRECT = '[{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: one } } }]'
const BY_RDS = `rds: { route_config_name: r, config_source: ${FOR_EVER} }`

/** A management server that says what it is told to. */
class Talk {
  readonly requests: DiscoveryRequest[] = []
  #receive: (response: DiscoveryResponse) => void = () => {}
  #nonce = 0

  get transport() {
    const stream: AdsStream = {
      send: (request) => void this.requests.push(request),
      onMessage: (callback) => (this.#receive = callback),
      onClose() {},
      close() {},
    }
    return { connect: () => stream, connectDelta: () => assert.fail() }
  }

  /** Resolves to the refusal, or '' where all is taken. */
  async say(typeUrl: string, resources: readonly Any[]): Promise<string> {
    const nonce = String(++this.#nonce)
    this.#receive(response(typeUrl, nonce, resources))
    const answer = () => this.requests.find(({ responseNonce }) => responseNonce === nonce)
    await eventually(() => answer() !== undefined, `an answer to ${typeUrl}`)
    return answer()?.errorDetail?.message ?? ''
  }

  asked(typeUrl: string): readonly string[] {
    return this.requests.findLast((one) => one.typeUrl === typeUrl)?.resourceNames ?? []
  }
}

function response(typeUrl: string, nonce: string, resources: readonly Any[]) {
  return create(DiscoveryResponseSchema, { typeUrl, nonce, versionInfo: nonce, resources: [...resources] })
}

async function withProxy(work: (talk: Talk, proxy: ProxyHandle) => Promise<void>): Promise<void> {
  const talk = new Talk()
  const proxy = await startProxy({ ads: talk.transport, node: { id: 'test' }, workers: 1 })
  try {
    await work(talk, proxy)
  } finally {
    await proxy.close(0)
  }
}

const listener = (options: Parameters<typeof httpListener>[0]) => listenerAny(httpListener(options))
const garbage = (typeUrl: string) => create(AnySchema, { typeUrl, value: Buffer.from([0x0a, 0xff]) })
const plain = (name: string, more = '') => clusterAny(`{ name: ${name}, type: STATIC, ${more} }`)
const ROUTES = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'
const routes = (hosts: string, more = '') =>
  anyYaml(`{ "@type": ${ROUTES}, name: r, virtual_hosts: [${hosts}], ${more} }`)

test('of several of one name the first counts, and the others are refused', () =>
  withProxy(async (talk, proxy) => {
    const [one, two] = [DIRECT, DIRECT.replace('one', 'two')].map((text) => listener({ routes: text }))
    assert.match(await talk.say(TypeUrl.listener, [one, two]), /web: .*several/)
    assert.equal((await get((await proxy.listening('web')).port)).body, 'one')
    assert.match(await talk.say(TypeUrl.cluster, [plain('a'), plain('a', 'lb_policy: RANDOM')]), /a: .*several/)
    assert.equal(proxy.config.clusters.get('a')?.proto.lbPolicy, 0)
  }))

test('what cannot be read may be any of those that are there: none of them goes', () =>
  withProxy(async (talk, proxy) => {
    assert.equal(await talk.say(TypeUrl.listener, [listener({ routes: DIRECT })]), '')
    assert.equal(await talk.say(TypeUrl.cluster, [plain('a'), plain('b')]), '')
    const { port } = await proxy.listening('web')
    for (const bad of [garbage(TypeUrl.cluster), create(AnySchema, { typeUrl: TypeUrl.listener }), plain('""')]) {
      assert.notEqual(await talk.say(TypeUrl.cluster, [plain('a'), bad]), '')
      assert.deepEqual([...proxy.config.clusters.keys()], ['a', 'b'])
    }
    assert.notEqual(await talk.say(TypeUrl.listener, [create(AnySchema, { typeUrl: TypeUrl.cluster })]), '')
    assert.equal((await get(port)).body, 'one')
  }))

test('a listener that cannot work is refused while it has no certificate yet', () =>
  withProxy(async (talk) => {
    const chain = `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: s, sds_config: ${FOR_EVER} }] } } }`
    assert.equal(await talk.say(TypeUrl.listener, [listener({ chain, routes: DIRECT })]), '')
    const bad = listener({ chain, hcm: 'proxy_100_continue: true' })
    assert.match(await talk.say(TypeUrl.listener, [bad]), /proxy_100_continue/)
    const nowhere = httpListener({ chain, routes: DIRECT }).replace('127.0.0.1', 'nowhere')
    assert.match(await talk.say(TypeUrl.listener, [listenerAny(nowhere)]), /no IP address/)
  }))

test('two listeners have no address together, also while they wait', () =>
  withProxy(async (talk) => {
    const at = (name: string) =>
      listenerAny(httpListener({ name, hcm: BY_RDS }).replace('port_value: 0', 'port_value: 7'))
    assert.match(await talk.say(TypeUrl.listener, [at('a'), at('b')]), /b: listener a has 127.0.0.1:7, too/)
    assert.equal(await talk.say(TypeUrl.listener, [at('b')]), '')
  }))

test('validate_clusters of RDS is about the clusters that there are', () =>
  withProxy(async (talk) => {
    await talk.say(TypeUrl.cluster, [plain('a')])
    await talk.say(TypeUrl.listener, [listener({ hcm: BY_RDS })])
    await eventually(() => talk.asked(TypeUrl.route).includes('r'))
    const to = (cluster: string) =>
      routes(
        `{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ${cluster} } }] }`,
        'validate_clusters: true',
      )
    assert.match(await talk.say(TypeUrl.route, [to('b')]), /there is no cluster "b"/)
    assert.equal(await talk.say(TypeUrl.route, [to('a')]), '')
  }))

test('a listener waits no longer for routes of which only bad ones come; one that serves stays', () =>
  withProxy(async (talk, proxy) => {
    const bad = routes('{ name: all, domains: [] }')
    await talk.say(TypeUrl.listener, [listener({ hcm: BY_RDS })])
    await eventually(() => talk.asked(TypeUrl.route).includes('r'))
    assert.match(await talk.say(TypeUrl.route, [bad]), /domains/)
    const { port } = await proxy.listening('web')
    assert.equal((await get(port)).status, 404)
    await talk.say(TypeUrl.listener, [listener({ routes: DIRECT })])
    await eventually(async () => (await get(port)).body === 'one')
    await talk.say(TypeUrl.listener, [listener({ hcm: BY_RDS })])
    assert.match(await talk.say(TypeUrl.route, [bad]), /domains/)
    assert.equal((await get(port)).body, 'one')
  }))

test('bad extension configs end the wait, too, and one of a type that no place allows is bad', () =>
  withProxy(async (talk, proxy) => {
    const config = (yaml: string) => [extensionAny('x', yaml)]
    const deny = `"@type": ${FILTERS}.http.rbac.v3.RBAC, rules: {}`
    const slot = `{ name: x, config_discovery: { config_source: ${FOR_EVER}, type_urls: ["${FILTERS}.http.rbac.v3.RBAC"] } }`
    const web = listener({ filters: [slot], routes: DIRECT })
    await talk.say(TypeUrl.listener, [web])
    await eventually(() => talk.asked(TypeUrl.extension).includes('x'))
    const other = config(`{ "@type": ${FILTERS}.http.buffer.v3.Buffer, max_request_bytes: 1 }`)
    assert.match(await talk.say(TypeUrl.extension, other), /not among type_urls/)
    const { port } = await proxy.listening('web')
    assert.equal((await get(port)).status, 500)
    assert.equal(await talk.say(TypeUrl.extension, config(`{ ${deny} }`)), '')
    assert.equal((await get(port)).status, 403)
    assert.match(await talk.say(TypeUrl.extension, other), /not among type_urls/)
    assert.equal((await get(port)).status, 403)
  }))

test('the routes of a listener are given up when those of the next have come', () =>
  withProxy(async (talk) => {
    const to = (name: string) => listener({ hcm: BY_RDS.replace('name: r', `name: ${name}`) })
    const given = (name: string) => anyYaml(`{ "@type": ${ROUTES}, name: ${name} }`)
    await talk.say(TypeUrl.listener, [to('one')])
    await eventually(() => talk.asked(TypeUrl.route).includes('one'))
    await talk.say(TypeUrl.route, [given('one')])
    await talk.say(TypeUrl.listener, [to('two')])
    await eventually(() => talk.asked(TypeUrl.route).includes('two'))
    await talk.say(TypeUrl.route, [given('one'), given('two')])
    await eventually(() => !talk.asked(TypeUrl.route).includes('one'))
  }))

test('numbers out of the bounds that their protos set are refused, as in Envoy', () =>
  withProxy(async (talk) => {
    const refusal = (more: string) => talk.say(TypeUrl.cluster, [plain('a', more)])
    assert.match(await refusal('connect_timeout: -1s'), /connect_timeout: must be greater than 0/)
    for (const field of ['max_ejection_percent', 'enforcing_success_rate', 'failure_percentage_threshold'])
      assert.match(await refusal(`outlier_detection: { ${field}: 101 }`), new RegExp(`${field}: must be 0 to 100`))
    assert.equal(await refusal('connect_timeout: 1s, outlier_detection: { max_ejection_percent: 100 }'), '')
  }))

test('what a later listener of a response names is not given up while those before it are made', () =>
  withProxy(async (talk, proxy) => {
    await talk.say(TypeUrl.listener, [listener({ name: 'one', hcm: BY_RDS })])
    await eventually(() => talk.asked(TypeUrl.route).includes('r'))
    assert.equal(await talk.say(TypeUrl.route, [routes(`{ name: all, domains: ["*"], routes: ${DIRECT} }`)]), '')
    await proxy.listening('one')
    const before = talk.requests.length
    const next = [listener({ name: 'two', routes: DIRECT }), listener({ name: 'three', hcm: BY_RDS })]
    assert.equal(await talk.say(TypeUrl.listener, next), '')
    const { port } = await proxy.listening('three')
    assert.equal((await get(port)).body, 'one')
    const asked = talk.requests.slice(before).filter(({ typeUrl }) => typeUrl === TypeUrl.route)
    assert.ok(asked.every(({ resourceNames }) => resourceNames.includes('r')))
  }))

test('what nobody asked for is not there for who asks later', () =>
  withProxy(async (talk, proxy) => {
    const given = routes(`{ name: all, domains: ["*"], routes: ${DIRECT} }`)
    assert.equal(await talk.say(TypeUrl.route, [given]), '')
    assert.equal(proxy.config.routes.size, 0)
    await talk.say(TypeUrl.listener, [listener({ hcm: BY_RDS })])
    await eventually(() => talk.asked(TypeUrl.route).includes('r'))
    assert.deepEqual(proxy.listeners(), [])
  }))

test('what Envoy refuses by its protos and its constructors', () =>
  withProxy(async (talk) => {
    assert.match(
      await talk.say(TypeUrl.cluster, [clusterAny('{ name: a, type: EDS }')]),
      /eds_config: a missing source/,
    )
    const endpoint = '{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }'
    for (const [endpoints, reason] of [
      [`{ priority: 129, lb_endpoints: [${endpoint} }] }`, /priority: must not exceed 128/],
      [`{ lb_endpoints: [${endpoint}, load_balancing_weight: 0 }] }`, /load_balancing_weight: must be at least 1/],
    ] as const) {
      const assignment = `load_assignment: { cluster_name: a, endpoints: [${endpoints}] }`
      assert.match(await talk.say(TypeUrl.cluster, [plain('a', assignment)]), reason)
    }
    await talk.say(TypeUrl.cluster, [eds('e')])
    await eventually(() => talk.asked(TypeUrl.endpoint).includes('e'))
    assert.match(await talk.say(TypeUrl.endpoint, [assignment('e', 'nowhere')]), /nowhere is not an IP address/)
    const slot = `{ name: x, config_discovery: { config_source: ${FOR_EVER}, type_urls: [x/y], apply_default_config_without_warming: true } }`
    const refusal = await talk.say(TypeUrl.listener, [listener({ filters: [slot], routes: DIRECT })])
    assert.match(refusal, /apply_default_config_without_warming: there is no default_config/)
  }))

const eds = (name: string, timeout = '0s') =>
  clusterAny(
    `{ name: ${name}, type: EDS, eds_cluster_config: { eds_config: { ${ADS}, initial_fetch_timeout: ${timeout} } } }`,
  )
const assignment = (name: string, address = '127.0.0.1') =>
  anyYaml(
    `{ "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment, cluster_name: ${name}, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: ${address}, port_value: 1 } } } }] }] }`,
  )

// Envoy's ClusterManagerInitHelper: a listener that came before would answer its first requests with 503.
test('listeners are asked for when the first clusters have their endpoints', () =>
  withProxy(async (talk, proxy) => {
    const asksForListeners = () => talk.requests.some(({ typeUrl }) => typeUrl === TypeUrl.listener)
    await eventually(() => talk.requests.length > 0)
    assert.deepEqual([asksForListeners(), proxy.isReady], [false, false])
    await talk.say(TypeUrl.cluster, [eds('a'), eds('b'), plain('c')])
    await eventually(() => talk.asked(TypeUrl.endpoint).length === 2)
    await talk.say(TypeUrl.endpoint, [assignment('a')])
    assert.equal(asksForListeners(), false)
    await talk.say(TypeUrl.cluster, [eds('a'), eds('b'), eds('d')])
    await talk.say(TypeUrl.endpoint, [assignment('b')])
    assert.equal(asksForListeners(), false)
    await talk.say(TypeUrl.cluster, [eds('a'), eds('b')])
    await eventually(asksForListeners)
    await talk.say(TypeUrl.listener, [])
    await proxy.ready()
  }))

test('what the first clusters wait for ends in time, or with what is refused', () =>
  withProxy(async (talk) => {
    const asksForListeners = () => talk.requests.some(({ typeUrl }) => typeUrl === TypeUrl.listener)
    await talk.say(TypeUrl.cluster, [eds('a'), eds('b', '0.01s')])
    await eventually(() => talk.asked(TypeUrl.endpoint).length === 2)
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(asksForListeners(), false)
    assert.notEqual(await talk.say(TypeUrl.endpoint, [garbage(TypeUrl.endpoint)]), '')
    await eventually(asksForListeners)
  }))

test('listeners are asked for without clusters where those are refused, do not come in time or are not wanted', async () => {
  const ask = async (dynamic: string, work: (talk: Talk) => Promise<unknown>) => {
    const talk = new Talk()
    const bootstrap = parseBootstrap(`dynamic_resources: { ${dynamic} }`, 'test')
    const proxy = await startProxy({ bootstrap, ads: talk.transport, node: { id: 'test' }, workers: 1 })
    try {
      await work(talk)
      await eventually(() => talk.requests.some(({ typeUrl }) => typeUrl === TypeUrl.listener))
    } finally {
      await proxy.close(0)
    }
  }
  await ask('', (talk) => talk.say(TypeUrl.cluster, [garbage(TypeUrl.cluster)]))
  await ask(`cds_config: { ${ADS}, initial_fetch_timeout: 0.01s }`, async () => {})
  await ask(`lds_config: { ${ADS} }`, async (talk) => {
    await eventually(() => talk.requests.length > 0)
    assert.ok(talk.requests.every(({ typeUrl }) => typeUrl === TypeUrl.listener))
  })
})

test('responses and resources are counted by Envoy’s names', () =>
  withProxy(async (talk, proxy) => {
    const counts = () => {
      const { counters, gauges } = proxy.config.stats.snapshot()
      const all = Object.entries({ ...counters, ...gauges })
      return Object.fromEntries(all.filter(([name, value]) => /_manager\.|^control_plane/.test(name) && value > 0))
    }
    await talk.say(TypeUrl.cluster, [plain('a'), plain('b')])
    await talk.say(TypeUrl.cluster, [plain('a', 'lb_policy: RANDOM')])
    await talk.say(TypeUrl.cluster, [plain('a', 'lb_policy: CLUSTER_PROVIDED')])
    await talk.say(TypeUrl.listener, [listener({ routes: DIRECT })])
    await talk.say(TypeUrl.listener, [listener({ hcm: BY_RDS })])
    await talk.say(TypeUrl.listener, [])
    assert.deepEqual(counts(), {
      'cluster_manager.cds.update_attempt': 4,
      'cluster_manager.cds.update_success': 2,
      'cluster_manager.cds.update_rejected': 1,
      'cluster_manager.cluster_added': 2,
      'cluster_manager.cluster_modified': 1,
      'cluster_manager.cluster_removed': 1,
      'listener_manager.lds.update_attempt': 4,
      'listener_manager.lds.update_success': 3,
      'listener_manager.listener_added': 1,
      'listener_manager.listener_modified': 1,
      'listener_manager.listener_removed': 1,
      'control_plane.connected_state': 1,
    })
  }))
