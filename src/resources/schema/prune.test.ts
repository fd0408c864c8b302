import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { applyDefaults } from './defaults.ts'
import { prune } from './prune.ts'
import type { SchemaNode } from './types.ts'

const SCHEMA: SchemaNode = {
  type: 'object',
  properties: {
    a: { type: 'string', default: 'A' },
    n: { type: 'integer', nullable: true },
    list: { type: 'array', items: { type: 'object', properties: { x: { type: 'integer', default: 1 } } } },
    nested: { type: 'object', default: {}, properties: { y: { type: 'string', default: 'Y' }, z: { type: 'string' } } },
    map: {
      type: 'object',
      additionalProperties: { type: 'object', properties: { v: { type: 'integer', default: 2 } } },
    },
    open: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { known: { type: 'object', properties: { k: { type: 'string' } } } },
    },
    embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } },
  },
}

describe('pruning', () => {
  const table: [name: string, object: unknown, left: unknown, unknown: string[]][] = [
    ['what is known stays', { a: 'x', list: [{ x: 1 }] }, { a: 'x', list: [{ x: 1 }] }, []],
    [
      'what is not known goes, with its path',
      { b: 1, list: [{ x: 1 }, { y: 2 }] },
      { list: [{ x: 1 }, {}] },
      ['b', 'list[1].y'],
    ],
    [
      'type and metadata of a resource stay',
      { apiVersion: 'v', kind: 'K', metadata: { name: 'n' } },
      { apiVersion: 'v', kind: 'K', metadata: { name: 'n' } },
      [],
    ],
    ['but only at its root', { nested: { kind: 'K' } }, { nested: {} }, ['nested.kind']],
    [
      'and in an embedded resource',
      { embedded: { apiVersion: 'v', kind: 'K', metadata: {}, x: 1 } },
      { embedded: { apiVersion: 'v', kind: 'K', metadata: {} } },
      ['embedded.x'],
    ],
    ['values of a map', { map: { one: { v: 1, w: 2 } } }, { map: { one: { v: 1 } } }, ['map.one.w']],
    [
      'an open object keeps all but what its known fields do not know',
      { open: { any: { thing: [1] }, known: { k: '', l: '' } } },
      { open: { any: { thing: [1] }, known: { k: '' } } },
      ['open.known.l'],
    ],
    [
      'names of Object.prototype are fields like others',
      JSON.parse('{"constructor":1,"__proto__":{"a":1},"a":"x"}'),
      { a: 'x' },
      ['constructor', '__proto__'],
    ],
  ]
  for (const [name, object, left, expected] of table) {
    test(name, () => {
      const unknown: string[] = []
      prune(object, SCHEMA, unknown)
      assert.deepEqual(unknown, expected)
      assert.equal(JSON.stringify(object), JSON.stringify(left))
    })
  }
})

describe('defaulting', () => {
  const table: [name: string, object: unknown, full: unknown][] = [
    ['absent fields', {}, { a: 'A', nested: { y: 'Y' } }],
    [
      'only where there is something around them',
      { list: [{}], map: { m: {} } },
      { a: 'A', nested: { y: 'Y' }, list: [{ x: 1 }], map: { m: { v: 2 } } },
    ],
    ['given values stay', { a: '', nested: { y: 'own', z: 'z' } }, { a: '', nested: { y: 'own', z: 'z' } }],
    // apiextensions: nulls of fields that are not nullable are pruned, then defaulted.
    ['a null counts as absent', { a: null, nested: null }, { a: 'A', nested: { y: 'Y' } }],
    ['unless the field is nullable', { n: null }, { n: null, a: 'A', nested: { y: 'Y' } }],
    ['a null without default goes', { nested: { z: null }, map: null }, { nested: { y: 'Y' }, a: 'A' }],
  ]
  for (const [name, object, full] of table) {
    test(name, () => {
      applyDefaults(object, SCHEMA)
      assert.deepEqual(object, full)
    })
  }

  test('a default is copied for each object', () => {
    const [one, two] = [{}, {}] as Record<string, Record<string, string>>[]
    applyDefaults(one, SCHEMA)
    applyDefaults(two, SCHEMA)
    one['nested']['y'] = 'changed'
    assert.equal(two['nested']['y'], 'Y')
  })
})

/** Objects that often use names of the schema, in right and wrong places. */
const anyObject = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, 1, '', 'x', true, {}, []),
    fc.dictionary(fc.constantFrom('a', 'n', 'list', 'nested', 'map', 'open', 'known', 'x', 'v', 'zz'), tie('value')),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value

test('pruning twice is pruning once, and so is defaulting', () => {
  fc.assert(
    fc.property(anyObject, (generated) => {
      const value = JSON.parse(JSON.stringify(generated))
      prune(value, SCHEMA, [])
      const again: string[] = []
      const once = JSON.stringify(value)
      prune(value, SCHEMA, again)
      assert.deepEqual(again, [])
      assert.equal(JSON.stringify(value), once)
      applyDefaults(value, SCHEMA)
      const defaulted = JSON.stringify(value)
      applyDefaults(value, SCHEMA)
      assert.equal(JSON.stringify(value), defaulted)
      // Defaults of a sound schema are no unknown fields.
      prune(value, SCHEMA, again)
      assert.deepEqual(again, [])
    }),
  )
})
