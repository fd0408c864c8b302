import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import { parseBootstrap } from '../index.ts'
import { cluster, eventually, get, httpListener, portOf, type Running, testProxy, upstream } from '../testing.ts'
import { watchHeap } from './heap-monitor.ts'
import { overloadConfig } from './overload-config.ts'
import { OverloadState } from './overload-state.ts'
import { CONNECTIONS_KEY } from './runtime.ts'

const MONITORS = 'type.googleapis.com/envoy.extensions.resource_monitors'
const HEAP = `{ name: envoy.resource_monitors.fixed_heap, typed_config: { "@type": ${MONITORS}.fixed_heap.v3.FixedHeapConfig, max_heap_size_bytes: 1000 } }`
const CONNECTIONS = (max: number) =>
  `{ name: envoy.resource_monitors.global_downstream_max_connections, typed_config: { "@type": ${MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: ${max} } }`
const action = (name: string, at = 0.9, monitor = 'envoy.resource_monitors.fixed_heap') =>
  `{ name: envoy.overload_actions.${name}, triggers: [{ name: ${monitor}, threshold: { value: ${at} } }] }`

const read = (yaml: string) => overloadConfig(parseBootstrap(yaml, 'test'))
const runtime = (layer: string) =>
  `layered_runtime: { layers: [{ name: a, static_layer: ${layer} }, { name: b, admin_layer: {} }] }`

describe('what the bootstrap says', () => {
  test("the example of Envoy's documents for edge proxies", () => {
    const yaml = `overload_manager:
  refresh_interval: 0.25s
  resource_monitors: [${HEAP}, ${CONNECTIONS(1000)}]
  actions: [${action('shrink_heap', 0.95)}, ${action('stop_accepting_requests', 0.98)}]`
    const heap = { maxBytes: 1000, refreshMs: 250, stopRequests: 0.98, rejectConnections: undefined }
    assert.deepEqual(read(yaml), { maxConnections: 1000, listeners: new Map(), heap })
  })
  test('nothing is counted where nothing is limited, as Istio says it', () => {
    assert.equal(read('{}'), undefined)
    const keys =
      '{ "overload.global_downstream_max_connections": 2147483647, "re2.max_program_size.error_level": 32768, "envoy.deprecated_features:envoy.a.B.c": true, envoy.reloadable_features.x: false }'
    assert.equal(read(runtime(keys)), undefined)
  })
  test('the runtime key, with dots or nested', () => {
    for (const layer of [
      '{ overload.global_downstream_max_connections: "7" }',
      '{ overload.global_downstream_max_connections: 7 }',
      '{ overload: { global_downstream_max_connections: 7 } }',
    ])
      assert.equal(read(runtime(layer))?.maxConnections, 7)
  })
  for (const [yaml, error] of [
    [
      runtime('{ upstream.healthy_panic_threshold: { numerator: 1 } }'),
      /layers\[0\]\.static_layer\["upstream\.healthy_panic_threshold\.numerator"\]/,
    ],
    [
      runtime('{ envoy.resource_limits.listener.web.connection_limit: many }'),
      /runtime\["envoy\.resource_limits\.listener\.web\.connection_limit"\]: "many" is not a whole number/,
    ],
    ...['[]', 'null', 'true', '" "', '"0x10"', '"1e3"', '-1', '1.5'].flatMap((value) =>
      (['envoy.resource_limits.listener.web.connection_limit', CONNECTIONS_KEY] as const).map(
        (key) =>
          [runtime(`{ ${key}: ${value} }`), new RegExp(`runtime\\["${key}"\\]: .* is not a whole number`)] as const,
      ),
    ),
    [
      runtime('{ envoy.resource_limits.listener.web.limit: 10 }'),
      /static_layer\["envoy\.resource_limits\.listener\.web\.limit"\]/,
    ],
    ['layered_runtime: { layers: [{ name: a, disk_layer: { symlink_root: / } }] }', /layers\[0\]: diskLayer/],
    [
      `overload_manager: { actions: [${action('disable_http_keepalive')}] }`,
      /actions\[0\]\.triggers\[0\]\.name: .*to be among/,
    ],
    [
      `overload_manager: { resource_monitors: [${HEAP}], actions: [${action('disable_http_keepalive')}] }`,
      /actions\[0\]\.name: envoy\.overload_actions\.disable_http_keepalive/,
    ],
    [`overload_manager: { resource_monitors: [${CONNECTIONS(0)}] }`, /must be above 0/],
    ['overload_manager: { loadshed_points: [{ name: a }] }', /overload_manager\.loadshed_points/],
  ] as const)
    test(String(error), () => assert.throws(() => read(yaml), error))
})

test('workers count together, and what a dead one had is given back', () => {
  const first = OverloadState.create({ maxConnections: 3, listeners: new Map([['web', 1]]) }, 2)
  const second = new OverloadState(first.shared, 1)
  assert.deepEqual(
    [first, second].map((state) => state.listener('web')?.accept(true)),
    [true, false],
  )
  first.forget(0)
  assert.equal(second.listener('web')?.accept(true), true)
  assert.equal(first.listener('other'), undefined)
  assert.deepEqual(
    [first, second, second, first].map((state) => state.accept(true)),
    [true, true, true, false],
  )
  assert.equal(first.accept(false), true, 'a listener that ignores the limit')
  first.gone()
  assert.equal(first.accept(true), false)
  first.forget(1)
  assert.deepEqual(
    [1, 2, 3].map(() => second.accept(true)),
    [true, true, false],
  )
})

test('memory is looked at against its thresholds', () => {
  const state = OverloadState.create({ maxConnections: 10, listeners: new Map() }, 1)
  let used = 900
  const limit = { maxBytes: 1000, refreshMs: 60_000, stopRequests: 0.8, rejectConnections: 0.95 }
  watchHeap(limit, state, () => used)()
  assert.deepEqual([state.stopsRequests, state.accept(true)], [true, true])
  used = 950
  watchHeap(limit, state, () => used)()
  assert.deepEqual([state.stopsRequests, state.accept(true)], [true, false])
  used = 10
  watchHeap(limit, state, () => used)()
  assert.deepEqual([state.stopsRequests, state.accept(true)], [false, true])
})

describe('in service', () => {
  let up: Running
  before(async () => {
    up = await upstream()
  })
  after(() => up.close())

  const withProxy = async (more: string, use: (proxy: ProxyHandle) => Promise<void>) => {
    const listeners = [
      httpListener({}),
      httpListener({ name: 'free', listener: 'ignore_global_conn_limit: true' }),
      httpListener({ name: 'bypassing', listener: 'bypass_overload_manager: true' }),
    ]
    const proxy = await testProxy(listeners, [cluster(up.port)], {}, more)
    try {
      await use(proxy)
    } finally {
      await proxy.close(0)
    }
  }

  test('connections beyond the limit are closed, until others are gone', () =>
    withProxy(`overload_manager: { resource_monitors: [${CONNECTIONS(2)}] }`, async (proxy) => {
      const held: Socket[] = []
      for (let i = 0; i < 2; i++) {
        const socket = connect(portOf(proxy), '127.0.0.1')
        held.push(socket)
        socket.on('error', () => {}).resume()
      }
      await eventually(async () => (await active(proxy)) === 2)
      await assert.rejects(get(portOf(proxy)))
      assert.equal((await get(portOf(proxy, 'free'))).status, 200)
      for (const socket of held) socket.destroy()
      await eventually(async () => (await active(proxy)) === 0)
      assert.equal((await get(portOf(proxy))).status, 200)
    }))

  test('a listener has a limit of its own', () =>
    withProxy(runtime('{ envoy.resource_limits.listener.web.connection_limit: 1 }'), async (proxy) => {
      const socket = connect(portOf(proxy), '127.0.0.1').on('error', () => {})
      await eventually(async () => (await active(proxy)) === 1)
      await assert.rejects(get(portOf(proxy)))
      assert.equal((await get(portOf(proxy, 'free'))).status, 200)
      const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
      const overflows = Object.entries(counters).filter(([name]) => name.endsWith('.downstream_cx_overflow'))
      assert.equal(
        overflows.reduce((sum, [, value]) => sum + value, 0),
        1,
      )
      socket.destroy()
      await eventually(async () => (await active(proxy)) === 0)
      assert.equal((await get(portOf(proxy))).status, 200)
    }))

  test('requests are refused while memory is short', () =>
    withProxy(
      `overload_manager: { resource_monitors: [${HEAP}], actions: [${action('stop_accepting_requests')}] }`,
      async (proxy) => {
        const answer = await get(portOf(proxy))
        assert.deepEqual([answer.status, answer.body], [503, 'envoy overloaded'])
        assert.equal((await get(portOf(proxy, 'bypassing'))).status, 200)
      },
    ))
})

async function active(proxy: ProxyHandle): Promise<number> {
  const [{ gauges }] = await proxy.workers.query<{ gauges: Record<string, number> }>('stats')
  const of = Object.entries(gauges).filter(([name]) => /^listener\..*\.downstream_cx_active$/.test(name))
  return of.reduce((sum, [, value]) => sum + value, 0)
}
