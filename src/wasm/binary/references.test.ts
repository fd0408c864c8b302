import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wat } from '../testing/wat-guest.ts'
import { Reader } from './reader.ts'
import { elementReferences, globalReferences, tableReferences } from './references.ts'
import { readShape, SECTION } from './sections.ts'

const READ = new Map([
  [SECTION.global, globalReferences],
  [SECTION.element, elementReferences],
  [SECTION.table, tableReferences],
] as [number, typeof globalReferences][])

function referenced(bytes: Uint8Array): number[] {
  const found = new Set<number>()
  for (const { id, start, end } of readShape(bytes).sections) READ.get(id)?.(new Reader(bytes, start, end), found)
  return [...found].sort()
}

const CASES: Readonly<Record<string, string>> = {
  'active segment': '(table 4 funcref) (elem (i32.const 0) $b $d)',
  'active segment with an offset': '(table 4 funcref) (elem (offset (i32.const 1)) func $b $d)',
  'segment of another table': '(table 1 funcref) (table $t 4 funcref) (elem (table $t) (i32.const 0) func $b $d)',
  'passive segment': '(table 4 funcref) (elem func $b $d)',
  'declared segment': '(elem declare func $b $d)',
  'active segment of expressions':
    '(table 4 funcref) (elem (i32.const 0) funcref (ref.func $b) (ref.null func) (ref.func $d))',
  'segment of expressions of another table':
    '(table 1 funcref) (table $t 4 funcref) (elem (table $t) (i32.const 0) funcref (ref.func $b) (ref.func $d))',
  'passive segment of expressions': '(table 4 funcref) (elem funcref (ref.func $b) (ref.func $d))',
  'declared segment of expressions': '(elem declare funcref (ref.func $b) (ref.func $d))',
  'several segments': '(table 4 funcref) (elem (i32.const 0) $b) (elem func $d)',
  globals:
    '(global i64 (i64.const 7)) (global funcref (ref.func $b)) (global (mut funcref) (ref.func $d)) (global f64 (f64.const 1))',
}

describe('references to functions', () => {
  for (const [name, text] of Object.entries(CASES)) {
    it(name, () =>
      assert.deepEqual(referenced(wat(`(module (func $a) (func $b) (func $c) (func $d) ${text})`)), [1, 3]),
    )
  }

  it('a table with an initial value', () => {
    // What wabt does not write: (table 2 (ref null func) (ref.func 1)) (table 1 funcref)
    const section = Uint8Array.of(2, 0x40, 0, 0x70, 0, 2, 0xd2, 1, 0x0b, 0x70, 1, 1, 9)
    const found = new Set<number>()
    const reader = new Reader(section)
    tableReferences(reader, found)
    assert.deepEqual([...found], [1])
    assert.ok(reader.done)
  })
})
