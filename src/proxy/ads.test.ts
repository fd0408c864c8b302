import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { create } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import type { DiscoveryRequest } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { type AdsStream, TypeUrl } from '../xds/index.ts'
import { startProxy } from './index.ts'
import { Authority, serverTls } from './listener/testing.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  eventually,
  extensionAny,
  FILTERS,
  get,
  httpListener,
  listenerAny,
  TestControl,
  testProxy,
  upstream,
} from './testing.ts'

const EXTENSION = 'extensions.istio.io/trafficextension/ns.auth'
const SLOT = `{ name: ${EXTENSION}, config_discovery: { config_source: { ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3 }, type_urls: ["${FILTERS}.http.wasm.v3.Wasm", "${FILTERS}.http.rbac.v3.RBAC"] } }`
const ALLOW = extensionAny(
  EXTENSION,
  `{ "@type": ${FILTERS}.http.rbac.v3.RBAC, rules_stat_prefix: wasm-default-allow }`,
)
const DENY = extensionAny(
  EXTENSION,
  `{ "@type": ${FILTERS}.http.rbac.v3.RBAC, rules: {}, rules_stat_prefix: wasm-default-deny }`,
)
const MODULE = fileURLToPath(new URL('../../../shared/modules/cpp-add-response-header.wasm', import.meta.url))

function wasm(file: string, policy = 'FAIL_CLOSED'): ReturnType<typeof extensionAny> {
  return extensionAny(
    EXTENSION,
    `{ "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: ns.auth, failure_policy: ${policy}, vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${file}" } } } } }`,
  )
}

async function world(workers = 1) {
  const up = await upstream((_, response) => response.setHeader('message', 'foo').end('hello'))
  const control = new TestControl()
  const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers })
  control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port)) })
  const close = async () => {
    await proxy.close(0)
    control.server.close()
    await up.close()
  }
  return { up, control, proxy, close }
}

/** What a server is asked for that answers nothing. */
function silent() {
  const asked: DiscoveryRequest[] = []
  const stream: AdsStream = { send: (request) => void asked.push(request), onMessage() {}, onClose() {}, close() {} }
  const transport = { connect: () => stream, connectDelta: () => assert.fail() }
  return { transport, names: (type: string) => asked.find(({ typeUrl }) => typeUrl === type)?.resourceNames }
}

describe('ADS', () => {
  test('what the listeners and clusters of the bootstrap need is asked for at once', async () => {
    const { transport, names } = silent()
    const ads = '{ ads: {}, resource_api_version: V3 }'
    const listener = httpListener({ hcm: `rds: { route_config_name: r, config_source: ${ads} }` })
    const eds = `{ name: up, type: EDS, eds_cluster_config: { service_name: e, eds_config: ${ads} } }`
    const proxy = await testProxy([listener], [eds], { ads: transport })
    try {
      await eventually(() => names(TypeUrl.cluster) !== undefined)
      assert.deepEqual([names(TypeUrl.endpoint), names(TypeUrl.route)], [['e'], ['r']])
    } finally {
      await proxy.close(0)
    }
  })

  test('fields that a newer control plane has are taken, counted once and told of (Envoy, too)', async () => {
    const { control, proxy, close } = await world(2)
    const counter = () => proxy.config.stats.counter('server.dynamic_unknown_fields').value
    /** Field 7777 of the outermost message: 1. */
    const newer = (any: Any) => create(AnySchema, { ...any, value: Buffer.concat([any.value, NEWER]) })
    const NEWER = Buffer.from([0x88, 0xe6, 0x03, 0x01])
    try {
      const listener = newer(listenerAny(httpListener({})))
      control.set(TypeUrl.listener, { web: listener }).push()
      const { port } = await proxy.listening('web')
      assert.equal((await get(port)).status, 200)
      assert.equal(counter(), 1)
      control.set(TypeUrl.listener, { web: listener, more: newer(listenerAny(httpListener({ name: 'more' }))) }).push()
      await proxy.listening('more')
      assert.equal(counter(), 1)
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
      control.set(TypeUrl.extension, { [EXTENSION]: newer(ALLOW) }).push()
      await eventually(() => counter() === 2)
      assert.deepEqual(control.nacks, [])
    } finally {
      await close()
    }
  })

  test('a certificate that comes in the middle of a handshake ends the connection', async () => {
    const { control, proxy, close } = await world()
    const authority = await new Authority().start()
    const push = async () => {
      const pair = await authority.issue([{ type: 'dns', value: 'a.example' }])
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ chain: serverTls(pair) })) })
      control.push()
    }
    try {
      await push()
      const { port } = await proxy.listening('web')
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {}).resume()
      await once(socket, 'connect')
      await eventually(async () => (await proxy.workers.query<unknown[]>('connections')).flat().length > 0)
      const version = () => proxy.config.listeners.get('web')?.active
      const before = version()
      await push()
      await eventually(() => version() !== before)
      // With the other config nobody would be there to answer what comes behind the handshake.
      const secure = socket.destroyed ? socket : connectTls({ socket, rejectUnauthorized: false })
      secure.on('error', () => {}).write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      await eventually(() => socket.destroyed)
    } finally {
      await close()
    }
  })

  test('an access log that comes while a connection has not said what it is', async () => {
    const { control, proxy, close } = await world()
    const inspector = `listener_filters: [{ name: tls, typed_config: { "@type": ${FILTERS}.listener.tls_inspector.v3.TlsInspector } }]`
    const log = `access_log: [{ name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null } }]`
    const push = (text: string) => {
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ listener: text })) })
      control.push()
    }
    try {
      push(inspector)
      const { port } = await proxy.listening('web')
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      await eventually(async () => (await proxy.workers.query<unknown[]>('connections')).flat().length > 0)
      const version = () => proxy.config.listeners.get('web')?.active
      const before = version()
      push(`${inspector}\n${log}`)
      await eventually(() => version() !== before)
      socket.destroy()
      await eventually(async () => (await get(port, '/')).status === 200)
      assert.equal(proxy.workers.restarts, 0)
    } finally {
      await close()
    }
  })

  test('a terminal filter that is discovered in front of another is refused (Envoy, too)', async () => {
    const { control, proxy, close } = await world()
    try {
      const tcp = `"@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy`
      const discovered = `{ name: first, config_discovery: { config_source: { ads: {} }, type_urls: ["${FILTERS}.network.tcp_proxy.v3.TcpProxy"] } }`
      const last = `{ name: tcp, typed_config: { ${tcp}, stat_prefix: a, cluster: up } }`
      control.set(TypeUrl.listener, {
        tcp: listenerAny(
          `{ name: tcp, address: { socket_address: { address: 127.0.0.1, port_value: 0 } }, filter_chains: [{ filters: [${discovered}, ${last}] }] }`,
        ),
      })
      control.set(TypeUrl.extension, { first: extensionAny('first', `{ ${tcp}, stat_prefix: b, cluster: up }`) }).push()
      const refused = () => proxy.config.refusedListeners.get('tcp')?.reason
      await eventually(() => refused() !== undefined || proxy.listeners().length > 0, 'an end of the warming')
      assert.match(refused() ?? 'taken', /a terminal filter cannot be discovered/)
    } finally {
      await close()
    }
  })

  test('a listener comes into force with clusters and routes, in two workers on one port', async () => {
    const { control, proxy, close } = await world(2)
    try {
      assert.equal(proxy.isReady, false)
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({})) })
      control.push()
      const { port } = await proxy.listening('web')
      for (let i = 0; i < 8; i++) assert.equal((await get(port)).body, 'hello')
      assert.equal(proxy.isReady, true)
      const counts = (await proxy.workers.query<{ counters: Record<string, number> }>('stats')).map(
        ({ counters }) => counters['http.web.downstream_rq_total'],
      )
      assert.equal(counts.length, 2)
      assert.equal(counts[0] + counts[1], 8)
    } finally {
      await close()
    }
  })

  test('a listener takes the address of one that goes with the same update (Envoy removes first)', async () => {
    const { control, proxy, close } = await world()
    try {
      control.set(TypeUrl.listener, { old: listenerAny(httpListener({ name: 'old' })) }).push()
      const { port } = await proxy.listening('old')
      const at = (name: string) => listenerAny(httpListener({ name }).replace('port_value: 0', `port_value: ${port}`))
      control.set(TypeUrl.listener, { new: at('new') }).push()
      await proxy.listening('new')
      assert.equal((await get(port)).status, 200)
      assert.deepEqual(control.nacks, [])
    } finally {
      await close()
    }
  })

  test('an address that another program has is refused, even if that one would share it', async () => {
    const { control, proxy, close } = await world()
    const other = createServer()
    try {
      await new Promise<void>((resolve) => other.listen({ port: 0, host: '127.0.0.1', reusePort: true }, resolve))
      const { port } = other.address() as AddressInfo
      const at = (place: number) => listenerAny(httpListener({}).replace('port_value: 0', `port_value: ${place}`))
      control.set(TypeUrl.listener, { web: at(port) }).push()
      await eventually(() => control.nacks.length === 1)
      assert.match(control.nacks[0].error, new RegExp(`127.0.0.1:${port}.*EADDRINUSE`))
      control.set(TypeUrl.listener, { web: at(0) }).push()
      await proxy.listening('web')
      // An address that it moves to is looked at, too.
      control.set(TypeUrl.listener, { web: at(port) }).push()
      await eventually(() => control.nacks.length === 2)
      assert.match(control.nacks[1].error, new RegExp(`127.0.0.1:${port}.*EADDRINUSE`))
    } finally {
      other.close()
      await close()
    }
  })

  test('RDS: the listener waits for its routes, later ones take effect at once', async () => {
    const { control, proxy, close } = await world()
    try {
      const rds = 'rds: { route_config_name: r, config_source: { ads: {}, resource_api_version: V3 } }'
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ hcm: rds })) })
      control.push()
      await eventually(() => control.acks.some((ack) => ack.startsWith('lds')))
      assert.deepEqual(proxy.listeners(), [])
      const routes = (body: string) => ({
        r: anyRoutes(
          `{ name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${body} } } }] }] }`,
        ),
      })
      control.set(TypeUrl.route, routes('one'))
      control.push()
      const { port } = await proxy.listening('web')
      assert.equal((await get(port)).body, 'one')
      control.set(TypeUrl.route, routes('two'))
      const version = control.push()
      await eventually(() => control.acks.includes(`rds ${version}`))
      assert.equal((await get(port)).body, 'two')
    } finally {
      await close()
    }
  })

  // The state of Envoy's server goes by its first listeners (InstanceBase::serverState); Istio's agent takes a Pod out of service by it.
  test('a listener that comes later and waits leaves the proxy ready', async () => {
    const { control, proxy, close } = await world()
    const waits = 'rds: { route_config_name: r, config_source: { ads: {}, initial_fetch_timeout: 0s } }'
    const late = listenerAny(httpListener({ name: 'late', hcm: waits }))
    try {
      control.set(TypeUrl.listener, { late }).push()
      await eventually(() => proxy.config.listeners.get('late')?.warming !== undefined)
      assert.ok(!proxy.isReady)
      const web = listenerAny(httpListener({}))
      control.set(TypeUrl.listener, { web }).push()
      await eventually(() => proxy.config.listeners.get('late') === undefined)
      control.set(TypeUrl.listener, { web, late }).push()
      await eventually(() => proxy.config.listeners.get('late')?.warming !== undefined)
      assert.ok(proxy.isReady)
    } finally {
      await close()
    }
  })

  test('ECDS: the listener warms until the config comes; swaps apply to the next request', async () => {
    const { control, proxy, close } = await world()
    try {
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
      control.push()
      await eventually(() => control.acks.some((ack) => ack.startsWith('lds')))
      assert.deepEqual(proxy.listeners(), [], 'initial_fetch_timeout 0 waits for ever')
      control.set(TypeUrl.extension, { [EXTENSION]: DENY })
      control.push()
      const { port } = await proxy.listening('web')
      const denied = await get(port)
      assert.equal(denied.status, 403)
      assert.equal(denied.body, 'RBAC: access denied')
      control.set(TypeUrl.extension, { [EXTENSION]: ALLOW })
      const version = control.push()
      await eventually(() => control.acks.includes(`ecds ${version}`))
      assert.equal((await get(port)).status, 200)
    } finally {
      await close()
    }
  })

  test('a filter is added to a listener under kept-alive connections without a failed request', async () => {
    const { control, proxy, close } = await world()
    try {
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({})) })
      control.push()
      const { port } = await proxy.listening('web')
      const { Agent } = await import('node:http')
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const statuses: number[] = []
      for (let i = 0; i < 60; i++) {
        if (i === 20) {
          control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
          control.set(TypeUrl.extension, { [EXTENSION]: DENY })
          control.push()
        }
        const answer = await get(port, '/', { agent })
        statuses.push(answer.status)
        assert.equal(answer.headers.connection, undefined)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      agent.destroy()
      assert.equal(statuses[0], 200)
      assert.equal(statuses.at(-1), 403)
      assert.deepEqual([...new Set(statuses)], [200, 403])
    } finally {
      await close()
    }
  })

  test('a module runs; a broken one is refused with its reason and the good one stays', {
    skip: !existsSync(MODULE),
  }, async () => {
    const { control, proxy, close } = await world()
    try {
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
      control.set(TypeUrl.extension, { [EXTENSION]: wasm(MODULE) })
      control.push()
      const { port } = await proxy.listening('web')
      const answer = await get(port)
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['message'], 'foo, bar')
      control.set(TypeUrl.extension, { [EXTENSION]: wasm('/nowhere/else.wasm') })
      control.push()
      await eventually(() => control.nacks.length > 0)
      assert.match(control.nacks[0].error, /nowhere/)
      assert.equal((await get(port)).headers['message'], 'foo, bar')
    } finally {
      await close()
    }
  })

  test('a module that never started: NACK, and traffic gets what the failure policy says', async () => {
    for (const [policy, status] of [
      ['FAIL_CLOSED', 503],
      ['FAIL_OPEN', 200],
    ] as const) {
      const { control, proxy, close } = await world()
      try {
        control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
        control.set(TypeUrl.extension, { [EXTENSION]: wasm('/nowhere/else.wasm', policy) })
        control.push()
        const { port } = await proxy.listening('web')
        await eventually(() => control.nacks.some(({ type }) => type === 'ecds'))
        assert.equal((await get(port)).status, status)
      } finally {
        await close()
      }
    }
  })

  test('what is not supported is a NACK with its path', async () => {
    const { control, proxy, close } = await world()
    try {
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ hcm: 'proxy_100_continue: true' })) })
      control.push()
      await eventually(() => control.nacks.length > 0)
      assert.match(control.nacks[0].error, /filter_chains\[0\]\.filters\[0\]\.proxy_100_continue/)
      assert.deepEqual(proxy.listeners(), [])
    } finally {
      await close()
    }
  })

  test('a worker that dies is replaced and serves the present config', async () => {
    const { control, proxy, close } = await world()
    try {
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
      control.set(TypeUrl.extension, { [EXTENSION]: ALLOW })
      control.push()
      const { port } = await proxy.listening('web')
      assert.equal((await get(port)).status, 200)
      await proxy.workers.kill(0)
      await eventually(() =>
        get(port).then(
          ({ status }) => status === 200,
          () => false,
        ),
      )
    } finally {
      await close()
    }
  })
})

function anyRoutes(yaml: string) {
  return anyYaml(`{ "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration, ${yaml.slice(1)}`)
}
