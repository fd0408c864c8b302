/** Code that takes long for its length: what the host charges for it, and that nothing deep goes on without a charge. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SluiceError } from '../../errors.ts'
import { compileModuleSync } from '../compile.ts'
import { createTestHost } from '../testing/test-host.ts'
import { guest } from '../testing/wat-guest.ts'

const FUEL = 2_000_000
/** Where the module counts. */
const COUNTER = 512
const COUNT = `(i32.store (i32.const ${COUNTER}) (i32.add (i32.load (i32.const ${COUNTER})) (i32.const 1)))`

/** Runs the code with FUEL; gives how far the module has counted, and what it died of. */
function run(code: string, also: string) {
  const host = createTestHost({ limits: { callbackFuel: FUEL } })
  const plugin = host.start(
    guest(`${also} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${code} (i32.const 0))`),
  )
  host.stream(plugin).request()
  return { count: plugin.vm.view.getUint32(COUNTER, true), cause: plugin.failure?.cause }
}

const FUNCTION = '(type $f (func)) (func $f)'
const manyLocals = `(func $g (local ${'i64 '.repeat(8000)}) (local.set 7 (i64.const 1)))`

/** What it is, the code, what it needs, and the least that one round costs. */
const DEAR: readonly [string, string, string, number][] = [
  [
    'table.copy of 1000 elements',
    '(table.copy (i32.const 0) (i32.const 1) (i32.const 1000))',
    '(table 2000 funcref)',
    64_000,
  ],
  [
    'table.fill of 1000 elements',
    '(table.fill $t (i32.const 0) (ref.null func) (i32.const 1000))',
    '(table $t 1000 funcref)',
    64_000,
  ],
  [
    'table.init of 1000 elements',
    '(table.init $e (i32.const 0) (i32.const 0) (i32.const 1000))',
    `(table $t 1000 funcref) (elem $e func ${'$f '.repeat(1000)}) ${FUNCTION}`,
    64_000,
  ],
  [
    'table.set',
    '(table.set $t (i32.const 0) (ref.func $f))',
    `(table $t 1 funcref) (elem declare func $f) ${FUNCTION}`,
    30,
  ],
  ['memory.atomic.notify', '(drop (memory.atomic.notify (i32.const 8) (i32.const 1)))', '', 24],
  ['a call of a function with 8000 locals', '(call $g)', manyLocals, 1000],
  [
    'the same by a table',
    '(call_indirect (type $f) (i32.const 0))',
    `(type $f (func)) (table 1 funcref) (elem (i32.const 0) $g) ${manyLocals}`,
    1000,
  ],
]

const WORK = COUNT.repeat(300)

/** Recursion that does much on the way down. Its way back, which pays too, never comes. */
const DESCENTS: Readonly<Record<string, string>> = {
  'straight on': `(func $d ${WORK} (call $d) (call $d))`,
  'into loops': `(func $d ${`${WORK} (loop (br_if 0 (i32.eqz (i32.load (i32.const ${COUNTER})))) `.repeat(20)}
    (call $d) ${')'.repeat(20)})`,
  'into loops, little by little': `(func $d ${`${COUNT.repeat(50)} (loop (br_if 0 (i32.eqz (i32.load (i32.const ${COUNTER})))) `.repeat(100)}
    (call $d) ${')'.repeat(100)})`,
  'through others': `(func $d ${WORK} (call $e)) (func $e ${WORK} (call $d))`,
}

describe('dear code', () => {
  for (const [name, code, also, cost] of DEAR) {
    it(`${name} costs ${cost} units`, () => {
      const { count, cause } = run(`(loop $l ${COUNT} ${code} (br $l))`, also)
      assert.equal(cause, 'fuel')
      assert.ok(count <= FUEL / cost + 1, `${count} rounds`)
    })
  }

  for (const [name, also] of Object.entries(DESCENTS)) {
    it(`a descent ${name} pays on its way`, () => {
      const { count, cause } = run('(call $d)', also)
      assert.equal(cause, 'fuel')
      // Four instructions, of which the counter in the middle of a block may be a block ahead.
      assert.ok(count * 6 <= FUEL * 1.1, `${count} times`)
    })
  }

  it('refuses more elements in segments than tables may have', () => {
    const segments = `(table 100 funcref) ${FUNCTION} ${`(elem (i32.const 0) ${'$f '.repeat(30)})`.repeat(4)}`
    compileModuleSync(guest(segments), { tableElements: 120 })
    assert.throws(
      () => compileModuleSync(guest(segments), { tableElements: 119 }),
      (error: SluiceError) => error.code === 'SL4008' && /segments have 120 elements/.test(error.message),
    )
  })
})
