import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS } from '../limits.ts'
import { wat } from '../testing/wat-guest.ts'
import { instrument } from './instrument.ts'
import { readShape } from './sections.ts'

type Exports = Record<string, (...args: (number | bigint)[]) => number>

function build(text: string, limits = {}): { exports: Exports; set: (n: number) => void; get: () => number } {
  const bytes = wat(text)
  const { bytes: rewritten, fuel } = instrument(bytes, readShape(bytes), { ...DEFAULT_LIMITS, ...limits })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(rewritten), {})
  assert.ok(fuel !== undefined)
  const all = exports as unknown as Exports
  return { exports: all, set: all[fuel.set] as (n: number) => number, get: all[fuel.get] }
}

/** Each body is `f`, called with one i32; the result must be that of the module as it was. */
const SAME: Record<string, { text: string; args: number[] }> = {
  'nested loops': {
    args: [0, 1, 7, 300],
    text: `(func (export "f") (param i32) (result i32) (local i32 i64)
      (loop $a (local.set 1 (i32.add (local.get 1) (i32.const 3)))
        (block (loop $b (local.set 1 (i32.add (local.get 1) (i32.const 5)))
          (br_if 1 (i32.and (local.get 1) (i32.const 8)))
          (br_if $b (i32.lt_s (local.get 1) (local.get 0)))))
        (br_if $a (i32.lt_s (local.get 1) (local.get 0))))
      (local.get 1))`,
  },
  'loop with parameters and results': {
    args: [1, 10],
    text: `(func (export "f") (param i32) (result i32)
      (i32.const 0) (loop $l (param i32) (result i32)
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (i32.add (i32.const 2)) (br_if $l (i32.gt_s (local.get 0) (i32.const 0)))))`,
  },
  'tail calls': {
    args: [0, 1000],
    text: `(func $g (export "f") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 42))
        (else (return_call $g (i32.sub (local.get 0) (i32.const 1))))))`,
  },
  'br_table and call_indirect': {
    args: [0, 1, 2, 9],
    text: `(type $t (func (param i32) (result i32))) (table funcref (elem $x $y))
      (func $x (param i32) (result i32) (i32.add (local.get 0) (i32.const 100)))
      (func $y (param i32) (result i32) (i32.mul (local.get 0) (i32.const 100)))
      (func (export "f") (param i32) (result i32)
        (block (block (block (br_table 0 1 2 (local.get 0))) (return (call_indirect (type $t) (local.get 0) (i32.const 0))))
          (return (call_indirect (type $t) (local.get 0) (i32.const 1)))) (i32.const -1))`,
  },
  exceptions: {
    args: [0, 5],
    text: `(tag $e (param i32))
      (func (export "f") (param i32) (result i32)
        (try (result i32) (do (throw $e (local.get 0))) (catch $e (i32.add (i32.const 1)))))`,
  },
  'try with delegate and rethrow': {
    args: [3],
    text: `(tag $e (param i32))
      (func (export "f") (param i32) (result i32)
        (try $outer (result i32)
          (do (try (result i32)
            (do (try (result i32) (do (throw $e (local.get 0))) (delegate 0)))
            (catch_all (rethrow 0))))
          (catch $e)))`,
  },
  'bulk memory and tables': {
    args: [3, 60],
    text: `(memory 1 10) (data $d "hello world") (table 4 20 funcref) (elem $e func $x)
      (func $x)
      (func (export "f") (param i32) (result i32)
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 11)) (data.drop $d)
        (memory.copy (i32.const 100) (i32.const 0) (local.get 0))
        (memory.fill (i32.const 200) (i32.const 7) (local.get 0))
        (table.init $e (i32.const 1) (i32.const 0) (i32.const 1)) (elem.drop $e)
        (table.copy (i32.const 0) (i32.const 1) (i32.const 1))
        (table.fill (i32.const 2) (ref.func $x) (i32.const 1))
        (drop (table.grow (ref.null func) (i32.const 2)))
        (drop (memory.grow (i32.const 1)))
        (i32.add (i32.add (i32.load (i32.const 100)) (i32.load8_u (i32.const 200)))
          (i32.add (table.size) (ref.is_null (table.get (i32.const 0))))))`,
  },
  vectors: {
    args: [1, -9],
    text: `(memory 1)
      (func (export "f") (param i32) (result i32) (local v128)
        (local.set 1 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31
          (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))
        (v128.store (i32.const 16) (local.get 1))
        (v128.store8_lane 3 (i32.const 40) (local.get 1))
        (local.set 1 (v128.load32_lane 1 (i32.const 16) (local.get 1)))
        (local.set 1 (v128.or (local.get 1) (v128.load64_zero (i32.const 16))))
        (i32x4.extract_lane 1 (i32x4.add (local.get 1) (v128.load8x8_s (i32.const 8)))))`,
  },
  atomics: {
    args: [4],
    text: `(memory 1)
      (func (export "f") (param i32) (result i32)
        (atomic.fence)
        (drop (i32.atomic.rmw.add (i32.const 0) (local.get 0)))
        (drop (i64.atomic.rmw8.cmpxchg_u (i32.const 8) (i64.const 0) (i64.const 5)))
        (i32.add (i32.atomic.load (i32.const 0)) (i32.wrap_i64 (i64.atomic.load (i32.const 8)))))`,
  },
  'constants of every kind': {
    args: [0],
    text: `(global i64 (i64.const -1)) (func (export "f") (param i32) (result i32)
      (drop (f32.const 1.5)) (drop (f64.const -2.5)) (drop (i64.const 0x7fffffffffffffff)) (drop (ref.null extern))
      (drop (i64.trunc_sat_f64_s (f64.const 1e30)))
      (select (result i32) (i32.const -2147483648) (i32.const 1) (i32.extend8_s (i32.const 128))))`,
  },
}

describe('instrument', () => {
  for (const [name, { text, args }] of Object.entries(SAME)) {
    it(`keeps the meaning: ${name}`, () => {
      for (const arg of args) {
        const plain = new WebAssembly.Instance(new WebAssembly.Module(wat(`(module ${text})`)), {})
          .exports as unknown as Exports
        const { exports, set, get } = build(`(module ${text})`)
        set(1_000_000)
        assert.equal(exports['f'](arg), plain['f'](arg), `f(${arg})`)
        assert.ok(get() > 0)
      }
    })
  }

  /** Each `f` runs for ever, or for seconds per instruction; with fuel each ends at once. */
  const ENDLESS: Record<string, string> = {
    'empty loop': '(func (export "f") (loop (br 0)))',
    'loop around loops': '(func (export "f") (loop $a (block (loop $b (br_if $b (i32.const 0)) (br 1))) (br $a)))',
    recursion: '(func $f (export "f") (return_call $g)) (func $g (return_call $f))',
    'recursion by table': `(table funcref (elem $f)) (type $t (func))
      (func $f (export "f") (return_call_indirect (type $t) (i32.const 0)))`,
    'fills in a loop': `(memory 900) (func (export "f")
      (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 58982400)) (br 0)))`,
    'growth by nothing': '(memory 1) (func (export "f") (loop (drop (memory.grow (i32.const 0))) (br 0)))',
    'throwing and catching': '(tag $e) (func (export "f") (loop (try (do (throw $e)) (catch_all)) (br 0)))',
    'a try that catches traps': '(func (export "f") (try (do (loop (br 0))) (catch_all)))',
    'tight loops within a loop with calls': `(func $f) (func (export "f") (local i32)
      (loop $a (call $f) (local.set 0 (i32.const 80))
        (loop $b (br_if $b (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (br $a)))`,
    'exponential calls': `(func $a) ${'bcdefghijklmnopqrstuvwxyz'
      .split('')
      .map((c, i) => `(func $${c} ${'(call $X)'.repeat(4).replaceAll('X', String.fromCharCode(97 + i))})`)
      .join(' ')} (func (export "f") (call $z))`,
  }
  for (const [name, text] of Object.entries(ENDLESS)) {
    it(`ends what does not end: ${name}`, () => {
      const { exports, set, get } = build(`(module ${text})`)
      set(3_000_000)
      const start = performance.now()
      assert.throws(() => exports['f'](), WebAssembly.RuntimeError)
      assert.ok(get() < 0, 'the counter tells that it was fuel')
      assert.ok(performance.now() - start < 5000)
    })
  }

  it('charges long straight code that a loop repeats', () => {
    const long = '(drop (i32.const 1))'.repeat(5000)
    const { exports, set, get } = build(`(module (func $long ${long}) (func (export "f") (call $long)))`)
    set(1_000_000)
    exports['f']()
    assert.ok(get() < 1_000_000 - 5000)
  })

  it('caps memory and tables', () => {
    const { exports } = build(
      `(module (memory 1) (table $t 1 funcref)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))`,
      { memoryPages: 4, tableElements: 10 },
    )
    assert.equal(exports['grow'](4), -1)
    assert.equal(exports['grow'](3), 1)
    assert.equal(exports['table'](10), -1)
    assert.equal(exports['table'](9), 1)
  })

  const REFUSED: [string, string, string, object?][] = [
    ['a memory that starts too large', 'SL4008', '(memory 20)', { memoryPages: 10 }],
    ['tables that start too large', 'SL4008', '(table 6 funcref) (table 6 funcref)', { tableElements: 10 }],
    ['shared memory', 'SL4002', '(memory 1 2 shared)'],
  ]
  for (const [name, code, text, limits] of REFUSED) {
    it(`refuses ${name}`, () => assert.throws(() => build(`(module ${text})`, limits), { code }))
  }

  it('keeps the name section and drops other custom sections', () => {
    const plain = wat('(module (func $my_function))')
    const extra = new Uint8Array([...plain, 0, 6, 3, 0x66, 0x6f, 0x6f, 1, 2])
    const { bytes } = instrument(extra, readShape(extra), DEFAULT_LIMITS)
    const text = Buffer.from(bytes).toString('latin1')
    assert.ok(text.includes('my_function'))
    assert.ok(!text.includes('foo'))
  })

  const folder = new URL('../../../../shared/modules/', import.meta.url)
  for (const file of existsSync(folder)
    ? readdirSync(folder).filter((f) => f.endsWith('.wasm'))
    : ['../shared/modules']) {
    it(`leaves a valid module: ${file}`, { skip: !file.endsWith('.wasm') }, () => {
      const bytes = readFileSync(new URL(file, folder))
      const out = instrument(bytes, readShape(bytes), DEFAULT_LIMITS)
      assert.ok(WebAssembly.validate(out.bytes))
      assert.ok(out.bytes.length < bytes.length * 1.35, `${bytes.length} -> ${out.bytes.length}`)
    })
  }
})
