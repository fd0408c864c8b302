import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compileModule, compileModuleSync } from './index.ts'
import { guest, wat } from './testing/wat-guest.ts'

const MALLOC = '(func (export "malloc") (param i32) (result i32) (i32.const 0))'
const MARKER = '(func (export "proxy_abi_version_0_2_1"))'

describe('compileModule', () => {
  /** What is wrong with a module, the code, and what the message must name. */
  const REFUSED: [string, Uint8Array, string, RegExp][] = [
    ['text', Buffer.from('hello'), 'SL4001', /magic/],
    ['an HTML page', Buffer.from('<html>'), 'SL4001', /HTML/],
    ['an archive', gzipSync('x'), 'SL4001', /gzip/],
    ['a cut-off module', guest('').subarray(0, 200), 'SL4001', /./],
    ['no ABI marker (negative modules of Envoy)', wat(`(module ${MALLOC})`), 'SL4003', /proxy_abi_version/],
    ['no allocator (cpp-host MissingFunction)', guest('', { noAllocator: true }), 'SL4007', /malloc/],
    [
      'an unknown import of env (Envoy: missing.wasm)',
      wat(`(module (import "env" "missing" (func)) ${MARKER} ${MALLOC})`),
      'SL4004',
      /env\.missing/,
    ],
    [
      'a host function of another host',
      wat(`(module (import "env" "proxy_redis_init" (func)) ${MARKER} ${MALLOC})`),
      'SL4004',
      /proxy_redis_init/,
    ],
    [
      'an import named as something of Object',
      wat(`(module (import "env" "constructor" (func)) ${MARKER} ${MALLOC})`),
      'SL4004',
      /constructor/,
    ],
    ['an import of an unknown module', wat(`(module (import "a" "b" (func)) ${MARKER} ${MALLOC})`), 'SL4004', /a\.b/],
    [
      'an import of the wrong kind',
      wat(`(module (import "env" "proxy_log" (global i32)) ${MARKER} ${MALLOC})`),
      'SL4004',
      /global env\.proxy_log/,
    ],
    [
      'an import with a wrong type',
      wat(`(module (import "env" "proxy_log" (func (param i32 i32) (result i32))) ${MARKER} ${MALLOC})`),
      'SL4005',
      /proxy_log is \(i32, i32\) -> \(i32\), the host has \(i32, i32, i32\)/,
    ],
    [
      'a metric with an i32 (V8 would convert it silently)',
      wat(`(module (import "env" "proxy_record_metric" (func (param i32 i32) (result i32))) ${MARKER} ${MALLOC})`),
      'SL4005',
      /proxy_record_metric/,
    ],
    [
      'a callback with a wrong type (Envoy: bad_signature)',
      guest('(func (export "proxy_on_log") (param i32) (result i32) (i32.const 0))'),
      'SL4006',
      /proxy_on_log/,
    ],
    [
      'headers of 0.2.1 without end_of_stream',
      guest('(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))'),
      'SL4006',
      /proxy_on_request_headers is \(i32, i32\)/,
    ],
    [
      'headers of 0.1.0 with end_of_stream',
      guest('(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))', {
        abi: '0_1_0',
      }),
      'SL4006',
      /ABI 0\.1\.0/,
    ],
    ['a callback that is a global', guest('(global (export "proxy_on_log") i32 (i32.const 0))'), 'SL4006', /global/],
    ['shared memory', wat(`(module (memory 1 1 shared) ${MARKER} ${MALLOC})`), 'SL4002', /shared memory/],
    [
      'imported memory that is too large',
      wat(`(module (import "env" "memory" (memory 2000)) ${MARKER} ${MALLOC})`),
      'SL4008',
      /memoryPages/,
    ],
  ]
  for (const [name, bytes, code, message] of REFUSED) {
    it(`refuses ${name}`, async () => {
      assert.throws(() => compileModuleSync(bytes), { code, message })
      await assert.rejects(compileModule(bytes), { code, message })
    })
  }

  it('refuses a module with more bytes than allowed', () => {
    assert.throws(() => compileModuleSync(guest(''), { moduleBytes: 100 }), { code: 'SL4008', message: /moduleBytes/ })
  })

  const MARKERS: [string, string][] = [
    ['0_1_0', '0.1.0'],
    ['0_2_0', '0.2.0'],
    ['0_2_1', '0.2.1'],
  ]
  for (const [marker, abi] of MARKERS) {
    it(`reads the marker ${marker}`, () => assert.equal(compileModuleSync(guest('', { abi: marker })).abi, abi))
  }

  it('takes the first of several markers in export order (cpp-host)', () => {
    assert.equal(compileModuleSync(guest('(func (export "proxy_abi_version_0_1_0"))')).abi, '0.2.1')
  })

  it('accepts the old continue functions with and without a result', () => {
    for (const result of ['', '(result i32)']) {
      const text = `(module (import "env" "proxy_continue_request" (func ${result})) ${MARKER} ${MALLOC})`
      assert.equal(compileModuleSync(wat(text)).abi, '0.2.1')
    }
  })

  it('accepts WASI under both names in one module', () => {
    const type = '(func (param i32 i32 i32 i32) (result i32))'
    const text = `(module (import "wasi_unstable" "fd_write" ${type})
      (import "wasi_snapshot_preview1" "fd_write" ${type}) ${MARKER} ${MALLOC})`
    assert.equal(compileModuleSync(wat(text)).functionImports.length, 2)
  })

  it('compiles many at once off this thread, with the same digest', async () => {
    const different = [1, 2, 3].map((n) => guest(`(func (export "f${n}"))`))
    const all = await Promise.all(different.map((bytes) => compileModule(bytes)))
    all.forEach(({ digest }, i) => {
      assert.equal(digest, compileModuleSync(different[i]).digest)
    })
  })

  it('gives the same module for the same bytes and limits while it is alive, and another for others', async () => {
    const bytes = guest('')
    const [first, second] = await Promise.all([compileModule(bytes), compileModule(Uint8Array.from(bytes))])
    assert.equal(second, first)
    assert.equal(await compileModule(bytes), first)
    const limited = await compileModule(bytes, { tickMs: 10 })
    assert.notEqual(limited, first)
    assert.equal(limited.limits.tickMs, 10)
  })

  it('compiles again what could not be compiled', async () => {
    const bytes = guest('').subarray(0, 200)
    const error = await compileModule(bytes).catch((reason: unknown) => reason)
    await assert.rejects(compileModule(bytes), (again) => again !== error)
  })
})
