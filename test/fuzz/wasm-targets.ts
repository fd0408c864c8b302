import assert from 'node:assert/strict'
import { BodyBuffer } from '../../src/base/body-buffer.ts'
import { SluiceError } from '../../src/errors.ts'
import { HOST_FUNCTIONS, WASI_FUNCTIONS } from '../../src/wasm/abi/signatures.ts'
import { findProperty, splitPath } from '../../src/wasm/attributes/property.ts'
import { serialize } from '../../src/wasm/attributes/serialize.ts'
import { readShape } from '../../src/wasm/binary/sections.ts'
import {
  type AttributeValue,
  type ConnectionHost,
  compileModuleSync,
  createTestHost,
  Dictionary,
  Double,
  decodePairs,
  encodePairs,
  HeaderMap,
  type Plugin,
  Struct,
  type TestStream,
} from '../../src/wasm/index.ts'
import { guest, wat } from '../../src/wasm/testing/wat-guest.ts'
import type { FuzzTarget } from './fuzz.ts'

/** Pair maps: what is read is exactly what was written, and anything else is the empty map. */
export const pairs: FuzzTarget = {
  name: 'wasm-pairs',
  seeds: [
    [],
    ['a', 'b'],
    ['', ''],
    [':method', 'GET', ':path', '/', 'x-a', ''],
    Array.from({ length: 64 }, (_, i) => `k${i}`),
  ].map((flat) => encodePairs(flat)),
  run: (input) => {
    // In the middle of other bytes, as in a module's memory.
    const memory = Buffer.concat([Buffer.alloc(7, 0xaa), input, Buffer.alloc(9, 0)])
    const flat = decodePairs(memory, 7, input.length)
    assert.ok(flat.length % 2 === 0 && flat.length <= 2048)
    if (flat.length > 0) assert.ok(encodePairs(flat).equals(input), 'reading and writing again changes nothing')
  },
}

const VALUES: Readonly<Record<string, AttributeValue>> = {
  'connection.id': 7,
  'connection.mtls': true,
  'request.time': 1n << 62n,
  'metadata.filter_metadata': new Dictionary((name) => new Struct({ [name]: { deep: [1, null, 'x', { y: 2 }] } })),
  'filter_state.x': Uint8Array.of(1, 2),
  'upstream.locality': new Double(1.5),
  'xds.node': new Struct({ id: 'n', metadata: { NAME: 'é' } }),
}

let pathPlugin: { plugin: Plugin; stream: TestStream } | undefined

/** Property paths: an answer or none, never an exception, and every answer can be written or says that it cannot. */
export const paths: FuzzTarget = {
  name: 'wasm-paths',
  seeds: [
    'request\0headers\0:path',
    'plugin_root_id',
    'node\0metadata\0NAME',
    'metadata\0filter_metadata\0a\0a\0deep\x000',
    'response\0code\0',
    '__proto__\0constructor',
    'connection\0mtls',
    'filter_state\0x',
    'request',
  ].map((text) => Buffer.from(text, 'latin1')),
  run: (input) => {
    if (pathPlugin === undefined) {
      const host = createTestHost({ attributes: new Map(Object.entries(VALUES)) })
      const plugin = host.start(guest(''))
      const stream = host.stream(plugin)
      for (const [name, value] of Object.entries(VALUES)) stream.attributes.set(name, value)
      stream.request([['x-a', '1']])
      pathPlugin = { plugin, stream }
    }
    const path = splitPath(input.latin1Slice())
    if (path === undefined) return
    const value = findProperty(pathPlugin.stream.context, path)
    if (value === undefined) return
    const bytes = serialize(value)
    assert.ok(bytes === undefined || bytes instanceof Uint8Array)
  },
}

/** Modules: what V8 takes is rewritten into what V8 takes, or refused with a code; what it does not take is SL4001. */
export const modules: FuzzTarget = {
  name: 'wasm-modules',
  seeds: [
    guest(
      '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop (br_if 0 (local.get 0))) (i32.const 0))',
    ),
    guest(`(tag $e (param i32)) (global (mut i64) (i64.const 5)) (func $s (try (do (throw $e (i32.const 1))) (catch $e drop))) (start $s)
      (table 3 funcref) (elem (i32.const 0) $s) (func (export "_initialize") (call_indirect (i32.const 0)))`),
    wat(`(module (memory 1 2) (data "abc") (table 1 funcref) (func (param i32) (local v128 f64)
      (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
      (block (loop (br_table 0 1 (local.get 0)))) (drop (v128.const i64x2 1 2)) (drop (memory.grow (i32.const 1)))))`),
  ],
  run: (input) => {
    politely(() => readShape(input))
    const compiled = politely(() => compileModuleSync(input, { memoryPages: 16, tableElements: 100 }))
    if (!WebAssembly.validate(input)) assert.equal(compiled, undefined)
  },
}

/** The result, or undefined where it was refused with a code of ours. */
function politely<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof SluiceError) return undefined
    throw error
  }
}

const FUNCTIONS = [
  ...Object.entries(HOST_FUNCTIONS),
  ...Object.entries(WASI_FUNCTIONS).map(([name, signature]) => [name, signature] as const),
]
/** Where the module finds the number of the function to call, and the arguments. */
const SELECT = 508
const ARGS = 512
const RESULT = 504

function caller(): Uint8Array {
  const cases = FUNCTIONS.map(([name, signature]) => {
    const [params, results] = signature.split('>')
    const args = [...params].map((code, i) => `(${code === 'I' ? 'i64' : 'i32'}.load (i32.const ${ARGS + i * 8}))`)
    const call = `(call $${name} ${args.join(' ')})`
    return results === '' ? call : `(i32.store (i32.const ${RESULT}) ${call})`
  })
  let text = `(br_table ${cases.map((_, i) => i).join(' ')} ${cases.length} (i32.load (i32.const ${SELECT})))`
  for (const code of cases) text = `(block ${text}) ${code} (return (i32.const 0))`
  return guest(`(func $play (result i32) (block ${text}) (i32.const 0))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $play))
    (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) (call $play))
    (func (export "proxy_on_tick") (param i32) (drop (call $play)))
    (func (export "proxy_on_log") (param i32) (drop (call $play)))`)
}

/** Callbacks with contexts of their own: a stream's, the root's, the root's with a finished stream, a connection's. */
const CALLBACKS: readonly ((plugin: Plugin, stream: TestStream) => void)[] = [
  (_, stream) => void stream.context.onRequestHeaders(true),
  (plugin) => plugin.root.tick(),
  (plugin, stream) => plugin.log(stream),
  (plugin) => {
    const connection = plugin.createNetworkContext(new TestConnection())
    connection.onDownstreamData(5, false)
    connection.end()
  },
]

class TestConnection implements ConnectionHost {
  readonly downstreamData = BodyBuffer.of(Buffer.from('hello'))
  readonly upstreamData = undefined
  readonly filterState = new Map<string, Uint8Array>()

  attribute(): undefined {}

  continueDownstream(): void {}

  continueUpstream(): void {}

  closeDownstream(): void {}

  closeUpstream(): void {}

  onPluginFailed(): void {}
}

let calls: { plugin: Plugin; stream: TestStream } | undefined
let callCount = 0

/** Host calls with any pointers: a status, results within memory, and the VM lives unless its own allocator gave up. */
export const hostCalls: FuzzTarget = {
  name: 'wasm-calls',
  seeds: Array.from({ length: FUNCTIONS.length * CALLBACKS.length }, (_, i) => {
    const seed = Buffer.alloc(1 + 12 * 4 + 1)
    seed[0] = i % FUNCTIONS.length
    seed[49] = Math.floor(i / FUNCTIONS.length)
    for (let n = 0; n < 12; n++)
      seed.writeUInt32LE([0, 1024, 4, 2048, 16, 64, 68, 72, 8, 1, 100000, 131064][(n + i) % 12], 1 + n * 4)
    return seed
  }),
  run: (input) => {
    // A new VM now and then: results are never freed.
    if (calls === undefined || ++callCount % 2000 === 0) {
      calls?.plugin.close()
      const host = createTestHost({ limits: { memoryPages: 64, logBurst: 10, logsPerSecond: 1 } })
      const plugin = host.start(caller())
      calls = { plugin, stream: host.stream(plugin) }
    }
    const { plugin, stream } = calls
    const { vm } = plugin
    vm.holds(0, 1)
    vm.view.setUint32(RESULT, 0, true)
    vm.view.setUint32(SELECT, (input[0] ?? 0) % FUNCTIONS.length, true)
    for (let n = 0; n < 12; n++) {
      const at = 1 + n * 4
      const word = at + 4 <= input.length ? input.readUInt32LE(at) : 0
      vm.view.setUint32(ARGS + n * 8, word, true)
      vm.view.setUint32(ARGS + n * 8 + 4, word % 7 === 0 ? word : 0, true)
    }
    const name = FUNCTIONS[vm.view.getUint32(SELECT, true)][0]
    stream.requestHeaders = HeaderMap.of([
      [':method', 'GET'],
      [':path', '/'],
      ['x-a', 'b'],
    ])
    CALLBACKS[(input[49] ?? 0) % CALLBACKS.length](plugin, stream)
    if (plugin.failure !== undefined) {
      // The bump allocator of the test module runs out; host calls themselves kill nothing.
      assert.ok(['allocator', 'fuel'].includes(plugin.failure.cause), `${name}: ${plugin.failure.error.message}`)
      calls = undefined
      return
    }
    vm.holds(0, 1)
    const result = vm.view.getUint32(RESULT, true)
    if (name.startsWith('proxy_')) assert.ok(result <= 12, `${name} -> ${result}`)
    else if (name !== 'pthread_equal') assert.ok(result <= 76, `${name} -> ${result}`)
  },
}

export const WASM_TARGETS: readonly FuzzTarget[] = [pairs, paths, modules, hostCalls]
