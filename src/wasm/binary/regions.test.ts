import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_LIMITS } from '../limits.ts'
import { wat } from '../testing/wat-guest.ts'
import { instrument } from './instrument.ts'
import { UNKNOWN_COST } from './regions.ts'
import { readShape } from './sections.ts'

/**
 * Programs of random control flow. `$work` counts what was done, four instructions a time; `$left` bounds loops and calls, so that the
 * program ends without fuel too.
 */
const WORK = '(global.set $work (i32.add (global.get $work) (i32.const 1)))'
const ONE_LESS = '(global.set $left (i32.sub (global.get $left) (i32.const 1)))'
const MORE_LEFT = '(i32.gt_s (global.get $left) (i32.const 0))'
const FUNCTIONS = 4

type Statement = (labels: number) => string

const sometimes = (mask: number) => `(i32.and (global.get $work) (i32.const ${mask}))`
/** 0 or 1. */
const any = (mask: number) => `(i32.ne ${sometimes(mask)} (i32.const 0))`
const guarded = (code: string) => `(if ${MORE_LEFT} (then ${ONE_LESS} ${code}))`

function statements(exceptions: boolean): fc.Arbitrary<Statement> {
  const { program } = fc.letrec<{ one: Statement; program: Statement }>((tie) => {
    const label = fc.nat(5)
    const leaf: fc.Arbitrary<Statement>[] = [
      fc.integer({ min: 1, max: 60 }).map((times) => () => WORK.repeat(times)),
      fc.tuple(label, fc.nat(7)).map(
        ([to, mask]) =>
          (labels) =>
            `${ONE_LESS} (br_if ${to % labels} (i32.and ${MORE_LEFT} ${any(mask)}))`,
      ),
      label.map((to) => (labels) => guarded(`(br ${(to % labels) + 1})`)),
      fc.tuple(label, label).map(
        ([a, b]) =>
          (labels) =>
            guarded(`(br_table ${(a % labels) + 1} 0 ${(b % labels) + 1} ${sometimes(3)})`),
      ),
      fc.nat(FUNCTIONS - 1).map((f) => () => guarded(`(call $f${f})`)),
      fc.nat(FUNCTIONS - 1).map((f) => () => guarded(`(call_indirect (type $t) (i32.const ${f}))`)),
      fc.nat(FUNCTIONS - 1).map((f) => () => `(if ${MORE_LEFT} (then ${ONE_LESS} (return_call $f${f})))`),
      fc.constant(() => '(return)'),
    ]
    if (exceptions) leaf.push(fc.nat(7).map((mask) => () => `(if ${sometimes(mask)} (then (throw $e)))`))
    const inner = tie('program')
    const nested: fc.Arbitrary<Statement>[] = [
      inner.map((body) => (labels) => `(block ${body(labels + 1)})`),
      inner.map((body) => (labels) => `(loop ${ONE_LESS} ${body(labels + 1)} (br_if 0 ${MORE_LEFT}))`),
      inner.map((body) => (labels) => `(loop ${WORK} (if ${MORE_LEFT} (then ${ONE_LESS} ${body(labels + 2)} (br 1))))`),
      fc.tuple(inner, inner, fc.nat(7)).map(
        ([a, b, mask]) =>
          (labels) =>
            `(if ${sometimes(mask)} (then ${a(labels + 1)}) (else ${b(labels + 1)}))`,
      ),
    ]
    if (exceptions) {
      nested.push(
        fc.tuple(inner, inner).map(
          ([a, b]) =>
            (labels) =>
              `(try (do ${a(labels + 1)}) (catch $e ${b(labels + 1)}) (catch_all))`,
        ),
      )
    }
    return {
      one: fc.oneof({ maxDepth: 4, withCrossShrink: true }, ...leaf, ...nested),
      program: fc
        .array(tie('one'), { maxLength: 4 })
        .map((list) => (labels) => list.map((one) => one(labels)).join(' ')),
    }
  })
  return program
}

/** `hidden`: some functions are called directly alone. */
function build(bodies: readonly Statement[], hidden: boolean): Uint8Array {
  const table = bodies.map((_, n) => `$f${hidden ? n & 2 : n}`).join(' ')
  const functions = bodies.map((body, n) => `(func $f${n} (type $t) ${WORK} (block ${body(2)}))`).join(' ')
  return wat(`(module (type $t (func)) (tag $e) (table funcref (elem ${table}))
    (global $work (mut i32) (i32.const 0)) (global $left (mut i32) (i32.const 200)) ${functions}
    (func (export "run") (call $f0)) (func (export "work") (result i32) (global.get $work)) (func (export "left") (result i32) (global.get $left)))`)
}

function run(bytes: Uint8Array): { exports: Record<string, (n?: number) => number>; outcome: string } {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {})
  const exports = instance.exports as unknown as Record<string, (n?: number) => number>
  let outcome = 'returned'
  try {
    exports['run']()
  } catch (error) {
    outcome = error instanceof WebAssembly.Exception ? 'threw' : String(error)
  }
  return { exports, outcome: `${outcome}, ${exports['work']()} done, ${exports['left']()} left` }
}

const programs = (exceptions: boolean) =>
  fc.array(statements(exceptions), { minLength: FUNCTIONS, maxLength: FUNCTIONS })

describe('charges of random programs', () => {
  for (const exceptions of [false, true]) {
    it(`change nothing and cover all that is done, ${exceptions ? 'with' : 'without'} exceptions`, () => {
      fc.assert(
        fc.property(programs(exceptions), fc.boolean(), (bodies, hidden) => {
          const plain = build(bodies, hidden)
          const { bytes, fuel } = instrument(plain, readShape(plain), { ...DEFAULT_LIMITS, startFuel: 1_000_000_000 })
          assert.ok(fuel !== undefined)
          const { exports, outcome } = run(bytes)
          assert.equal(outcome, run(plain).outcome)
          const taken = 1_000_000_000 - exports[fuel.get]()
          const done = exports['work']() * 4
          assert.ok(taken + UNKNOWN_COST >= done, `${taken} taken for ${done} done`)
        }),
        { numRuns: 300 },
      )
    })
  }
})
