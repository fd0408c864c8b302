import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { kindSchema } from '../builtin/schema.ts'
import type { Json } from '../json.ts'
import type { Schema } from '../kind.ts'
import { FieldSet, showPath } from './field-set.ts'
import { type Manager, readManagers, writeManagers } from './managers.ts'
import { mergeTyped, removeFields, withoutNulls } from './merge.ts'
import { compare, toFieldSet, typedSchema } from './typed.ts'

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:1')
const sets = fc
  .array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 8 })
  .map((paths) => FieldSet.of(paths))

describe('field sets', () => {
  test('FieldsV1 there and back', () => {
    fc.assert(fc.property(sets, (set) => assert.ok(FieldSet.fromJson(set.toJson()).equals(set))))
  })

  test('the laws of sets', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        assert.ok(a.difference(b).union(a.intersection(b)).equals(a))
        assert.ok(a.difference(b).intersection(b).empty)
        assert.ok(a.union(b).equals(b.union(a)))
        for (const path of a.paths()) assert.ok(a.has(path))
        assert.equal(a.union(b).paths().length, a.paths().length + b.difference(a).paths().length)
      }),
    )
  })

  test('a member with children has a dot', () => {
    const set = FieldSet.of([['f:a'], ['f:a', 'f:b']])
    assert.deepEqual(set.toJson(), { 'f:a': { '.': {}, 'f:b': {} } })
    assert.deepEqual(FieldSet.of([['f:a', 'f:b']]).toJson(), { 'f:a': { 'f:b': {} } })
  })

  test('paths are shown as in conflicts', () => {
    assert.equal(showPath(['f:spec', 'f:containers', 'k:{"name":"a"}', 'f:image']), '.spec.containers[name="a"].image')
    assert.equal(
      showPath(['f:ports', 'k:{"containerPort":80,"protocol":"TCP"}']),
      '.ports[containerPort=80,protocol="TCP"]',
    )
    assert.equal(showPath(['f:finalizers', 'v:"x"']), '.finalizers[="x"]')
  })
})

const schema: Schema = {
  type: 'object',
  properties: {
    value: { type: 'string' },
    struct: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } },
    map: { type: 'object', additionalProperties: { type: 'string' } },
    atomicMap: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    atomic: { type: 'array', items: { type: 'string' } },
    keyed: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: {
        type: 'object',
        properties: {
          port: { type: 'integer' },
          protocol: { type: 'string', default: 'TCP' },
          name: { type: 'string' },
        },
      },
    },
    open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
}

describe('which fields a value sets', () => {
  // structured-merge-diff typed/toset_test.go, re-stated.
  const cases: [string, Json, Json][] = [
    ['leaves', { value: 'x' }, { 'f:value': {} }],
    ['fields of structs, not the struct', { struct: { a: 'x' } }, { 'f:struct': { 'f:a': {} } }],
    ['an empty map is a leaf', { struct: {}, map: {} }, { 'f:struct': {}, 'f:map': {} }],
    ['keys of maps', { map: { k: 'v' } }, { 'f:map': { 'f:k': {} } }],
    ['atomic maps as one', { atomicMap: { k: 'v' } }, { 'f:atomicMap': {} }],
    ['items of sets', { set: ['a', 'b'] }, { 'f:set': { 'v:"a"': {}, 'v:"b"': {} } }],
    ['atomic lists as one', { atomic: ['a'] }, { 'f:atomic': {} }],
    [
      'items of keyed lists, keys with defaults',
      { keyed: [{ port: 80, name: 'x' }] },
      { 'f:keyed': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} } } },
    ],
    [
      'without a schema objects are granular and lists are not',
      { open: { a: { b: [1] } } },
      { 'f:open': { 'f:a': { '.': {}, 'f:b': {} } } },
    ],
  ]
  for (const [name, value, fields] of cases)
    test(name, () => assert.deepEqual(toFieldSet(value, schema).toJson(), fields))

  test('built-in lists have their keys', () => {
    const pod = { spec: { containers: [{ name: 'a', ports: [{ containerPort: 80 }] }] } }
    assert.deepEqual(
      toFieldSet(pod, typedSchema(kindSchema('core.v1.Pod')))
        .paths()
        .map(showPath),
      [
        '.spec.containers[name="a"]',
        '.spec.containers[name="a"].name',
        '.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"]',
        '.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].containerPort',
      ],
    )
  })
})

describe('comparing', () => {
  const cases: [string, Json, Json, string[], string[]][] = [
    ['a changed leaf', { value: 'a' }, { value: 'b' }, ['.value'], []],
    ['an added and a removed key', { map: { a: '1' } }, { map: { b: '1' } }, ['.map.b'], ['.map.a']],
    [
      'a changed item',
      { keyed: [{ port: 1, name: 'a' }] },
      { keyed: [{ port: 1, protocol: 'TCP', name: 'b' }] },
      ['.keyed[port=1,protocol="TCP"].name', '.keyed[port=1,protocol="TCP"].protocol'],
      [],
    ],
    [
      'the order of a keyed list is no change',
      { keyed: [{ port: 1 }, { port: 2 }] },
      { keyed: [{ port: 2 }, { port: 1 }] },
      [],
      [],
    ],
    ['the order of an atomic list is one', { atomic: ['a', 'b'] }, { atomic: ['b', 'a'] }, ['.atomic'], []],
    ['an item of a set', { set: ['a'] }, { set: ['a', 'b'] }, ['.set[="b"]'], []],
  ]
  for (const [name, from, to, changed, removed] of cases) {
    test(name, () => {
      const found = compare(from, to, schema)
      assert.deepEqual([found.changed.paths().map(showPath), found.removed.paths().map(showPath)], [changed, removed])
    })
  }
})

describe('merging', () => {
  // structured-merge-diff typed/merge_test.go and merge/set_test.go, re-stated.
  const cases: [string, Json, Json, Json][] = [
    [
      'the configuration wins, the rest stays',
      { value: 'a', map: { x: '1' } },
      { value: 'b', map: { y: '2' } },
      { value: 'b', map: { x: '1', y: '2' } },
    ],
    [
      'atomic things are replaced',
      { atomic: ['a'], atomicMap: { x: '1' } },
      { atomic: ['b'], atomicMap: { y: '2' } },
      { atomic: ['b'], atomicMap: { y: '2' } },
    ],
    [
      'sets unite in the order of the configuration',
      { set: ['a', 'b'] },
      { set: ['c', 'b'] },
      { set: ['a', 'c', 'b'] },
    ],
    [
      'items merge by all their keys',
      {
        keyed: [
          { port: 1, name: 'a' },
          { port: 1, protocol: 'UDP', name: 'u' },
        ],
      },
      { keyed: [{ port: 1, protocol: 'UDP', name: 'v' }] },
      {
        keyed: [
          { port: 1, name: 'a' },
          { port: 1, protocol: 'UDP', name: 'v' },
        ],
      },
    ],
    [
      'live items stay behind the ones they followed',
      { set: ['a', 'x', 'b', 'y'] },
      { set: ['b', 'a'] },
      { set: ['b', 'y', 'a', 'x'] },
    ],
    ['another type replaces', { open: { a: 1 } }, { open: { a: { b: 1 } } }, { open: { a: { b: 1 } } }],
  ]
  for (const [name, live, config, result] of cases)
    test(name, () => assert.deepEqual(mergeTyped(live, config, schema), result))

  test('what is applied is there afterwards, and twice is as once', () => {
    const value = fc.record(
      {
        value: fc.string(),
        map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.string(), { noNullPrototype: true }),
        set: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
        keyed: fc.uniqueArray(
          fc.record({ port: fc.integer({ min: 1, max: 4 }), name: fc.string() }, { noNullPrototype: true }),
          {
            selector: (item) => item.port,
          },
        ),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    fc.assert(
      fc.property(value, value, (live, config) => {
        const merged = mergeTyped(live as Json, config as Json, schema)
        assert.ok(
          toFieldSet(config, schema)
            .difference(toFieldSet(merged, schema))
            .paths()
            .every((path) => Object.keys((config as Record<string, object>)[path[0].slice(2)] ?? {}).length === 0),
        )
        assert.deepEqual(mergeTyped(merged, config as Json, schema), merged)
      }),
    )
  })

  test('nulls say nothing', () => assert.deepEqual(withoutNulls({ a: null, b: { c: null, d: 1 } }), { b: { d: 1 } }))
})

describe('removing', () => {
  const remove = (value: Json, gone: string[][], owned: string[][] = []) =>
    removeFields(value, FieldSet.of(gone), FieldSet.of(owned), schema)

  test('fields, keys, items; containers that are empty then go too', () => {
    const value = { value: 'x', map: { a: '1', b: '2' }, set: ['s'], keyed: [{ port: 1 }, { port: 2 }] }
    const left = remove(value, [
      ['f:map', 'f:a'],
      ['f:set', 'v:"s"'],
      ['f:keyed', 'k:{"port":1,"protocol":"TCP"}'],
    ])
    assert.deepEqual(left, { value: 'x', map: { b: '2' }, keyed: [{ port: 2 }] })
  })

  test('an item stays while somebody owns something in it', () => {
    const item = ['f:keyed', 'k:{"port":1,"protocol":"TCP"}']
    const value = { keyed: [{ port: 1, name: 'x' }] }
    assert.deepEqual(remove(value, [item, [...item, 'f:port']], [[...item, 'f:name']]), { keyed: [{ name: 'x' }] })
    assert.equal(remove(value, [item]), undefined)
  })
})

test('more than ten updaters are merged into ancient-changes, oldest first', () => {
  const managers = Array.from(
    { length: 12 },
    (_, i): Manager => ({
      manager: `m${i}`,
      operation: 'Update',
      apiVersion: 'v1',
      subresource: '',
      time: `2026-01-01T00:00:${String(i).padStart(2, '0')}Z`,
      fields: FieldSet.of([[`f:x${i}`]]),
    }),
  )
  const written = writeManagers(managers)
  assert.equal(written.length, 10)
  const ancient = written.find((entry) => entry.manager === 'ancient-changes')
  assert.deepEqual(ancient?.fieldsV1, { 'f:x0': {}, 'f:x1': {}, 'f:x2': {} })
  assert.deepEqual(writeManagers(readManagers(written)), written)
})
