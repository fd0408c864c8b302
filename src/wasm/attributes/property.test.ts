import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { type AttributeValue, createTestHost, Dictionary, Double, decodePairs, Proto, Struct } from '../index.ts'
import { guest } from '../testing/wat-guest.ts'
import { findProperty, splitPath } from './property.ts'
import { serialize } from './serialize.ts'

const node = new Proto(
  NodeSchema,
  create(NodeSchema, {
    id: 'sidecar~1',
    cluster: 'productpage',
    metadata: { NAME: 'pod-1', LABELS: { app: 'a' }, count: 3, flag: true },
    locality: { region: 'eu' },
  }),
)

const host = createTestHost({
  attributes: new Map<string, AttributeValue>([
    ['xds.node', node],
    ['xds.listener_direction', 2],
    ['xds.cluster_name', 'outbound|80||a'],
  ]),
})
const plugin = host.start(guest(''), { name: 'my plugin', rootId: 'my_root', vmId: 'my_vm' })
const stream = host.stream(plugin)
stream.request([
  [':path', '/a/b?x=1#f'],
  [':method', 'POST'],
  [':authority', 'shop.example'],
  ['user-agent', 'test'],
  ['x-two', '1'],
  ['x-two', '2'],
  ['x-request-id', 'id-1'],
])
stream.response([
  [':status', '200'],
  ['grpc-status', '5'],
])
for (const [name, value] of [
  ['connection.id', 77],
  ['connection.mtls', true],
  ['request.time', 1_700_000_000_000_000_001n],
  ['source.address', '10.0.0.1:555'],
  [
    'metadata.filter_metadata',
    new Dictionary((ns) =>
      ns === 'envoy.lua' ? new Struct({ key: 'v', n: 1.5, list: ['a', 2], deep: { er: true } }) : undefined,
    ),
  ],
] as [string, AttributeValue][]) {
  stream.attributes.set(name, value)
}
stream.filterState.set('wasm.set\0by', Buffer.from('plugin'))
stream.filterState.set('wasm.dotted.name', Buffer.from('one segment'))

const i64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}
const f64 = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

/** A path (segments by `/`), and the bytes that a module gets; undefined: NOT_FOUND. Envoy's attribute reference. */
const CASES: [string, Buffer | string | undefined][] = [
  ['plugin_name', 'my plugin'],
  ['plugin_root_id', 'my_root'],
  ['plugin_vm_id', 'my_vm'],
  ['connection_id', i64(77n)],
  ['request|path', '/a/b?x=1#f'],
  ['request|url_path', '/a/b'],
  ['request|query', 'x=1'],
  ['request|method', 'POST'],
  ['request|host', 'shop.example'],
  ['request|scheme', 'http'],
  ['request|useragent', 'test'],
  ['request|referer', undefined],
  ['request|id', 'id-1'],
  ['request|headers|X-Two', '1,2'],
  ['request|headers|x-none', undefined],
  ['request|time', i64(1_700_000_000_000_000_001n)],
  ['request|nonsense', undefined],
  ['request', undefined],
  ['response|grpc_status', i64(5n)],
  ['source|address', '10.0.0.1:555'],
  ['connection|mtls', Buffer.of(1)],
  ['connection|mtls|more', undefined],
  ['metadata|filter_metadata|envoy.lua|key', 'v'],
  ['metadata|filter_metadata|envoy.lua|n', f64(1.5)],
  ['metadata|filter_metadata|envoy.lua|deep|er', Buffer.of(1)],
  ['metadata|filter_metadata|envoy.lua|list|0', 'a'],
  ['metadata|filter_metadata|other|key', undefined],
  ['xds|node|id', 'sidecar~1'],
  ['xds|cluster_name', 'outbound|80||a'],
  // Gone from Envoy 1.33 on, still asked for by old modules:
  ['node|id', 'sidecar~1'],
  ['node|cluster', 'productpage'],
  ['node|metadata|NAME', 'pod-1'],
  ['node|metadata|LABELS|app', 'a'],
  ['node|metadata|count', f64(3)],
  ['node|metadata|flag', Buffer.of(1)],
  ['node|locality|region', 'eu'],
  ['node|none', undefined],
  ['cluster_name', 'outbound|80||a'],
  ['listener_direction', i64(2n)],
  ['set|by', 'plugin'],
  ['dotted.name', 'one segment'],
  ['dotted|name', undefined],
  ['__proto__', undefined],
  ['metadata|filter_metadata|envoy.lua|__proto__', undefined],
]

describe('properties', () => {
  for (const [path, expected] of CASES) {
    it(path.replaceAll('|', '.'), () => {
      // The cluster's name has bars of its own; only paths are split.
      const parsed = splitPath(path.replaceAll('|', '\0'))
      assert.ok(parsed !== undefined)
      const value = findProperty(stream.context, parsed)
      const bytes = value === undefined ? undefined : serialize(value)
      assert.deepEqual(
        bytes === undefined ? undefined : Buffer.from(bytes),
        typeof expected === 'string' ? Buffer.from(expected) : expected,
      )
    })
  }

  it('gives maps as pairs, repeated headers joined', () => {
    const value = findProperty(stream.context, { segments: ['request', 'headers'], key: '' })
    const bytes = Buffer.from(serialize(value as AttributeValue) as Uint8Array)
    const pairs = decodePairs(bytes, 0, bytes.length)
    assert.equal(pairs[pairs.indexOf('x-two') + 1], '1,2')
    assert.equal(pairs.length, 14)
  })

  it('ignores one empty segment at the end (C++ SDK)', () => {
    assert.deepEqual(splitPath('a\0b\0')?.segments, ['a', 'b'])
  })

  it('gives a protobuf message as its bytes and refuses what has no encoding', () => {
    assert.ok((serialize(node)?.length ?? 0) > 20)
    assert.equal(serialize(new Dictionary(() => 1)), undefined)
    assert.deepEqual(Buffer.from(serialize(new Double(-1)) ?? []), f64(-1))
  })
})

describe('set_property', () => {
  const set = (path: string, value: string) => `(call $status (call $proxy_set_property (s "${path}") (s "${value}")))`
  const get = (path: string) => `(call $status (call $proxy_get_property (s "${path}") $slot0 $slot1)) (call $show)`
  const declare = (name: string, readonly: number) =>
    `(call $status (call $proxy_call_foreign_function (s "declare_property") (s "\\0a\\0${name.length}${name}\\10\\0${readonly}") $slot0 $slot1))`
  const run = (code: string, root = '') => {
    const own = createTestHost()
    const started = own.start(
      guest(`(func (export "proxy_on_configure") (param i32 i32) (result i32) ${root} (i32.const 1))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${code} (i32.const 0))`),
    )
    own.stream(started).request()
    return own.logs.map((line) => line.message)
  }

  it('is read back, by the same plugin and with the parts of a path', () => {
    assert.deepEqual(
      run(set('a', '1') + get('a') + set('b\\00c', '2') + get('b\\00c') + get('filter_state\\00wasm.a')).slice(0, 6),
      ['status 00', 'status 00', '1', 'status 00', 'status 00', '2'],
    )
  })

  it('has nowhere to write without a stream', () => {
    assert.deepEqual(run('', set('a', '1')), ['status 01'])
  })

  it('cannot overwrite what the proxy knows', () => {
    assert.deepEqual(
      run(
        set('request\\00path', '/evil') +
          '(drop (call $proxy_get_header_map_value (i32.const 0) (s ":path") $slot0 $slot1)) (call $show)',
      ),
      ['status 00', '/'],
    )
  })

  it('respects declare_property: once, and read-only after the first write', () => {
    assert.deepEqual(
      run(
        set('p', '1') + set('p', '2') + set('q', '1') + set('q', '2'),
        declare('p', 1) + declare('p', 1) + declare('q', 0),
      ),
      ['status 00', 'status 02', 'status 00', 'status 00', 'status 02', 'status 00', 'status 00'],
    )
  })

  it('is bounded in size and number', () => {
    assert.deepEqual(run(`(call $status (call $proxy_set_property (s "a") (i32.const 0) (i32.const 65537)))`), [
      'status 10',
    ])
  })
})
