import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueAt } from './value-at.ts'

test('only what was put there', () => {
  const object = { a: { b: [1], c: null, d: 'text' } }
  for (const [path, value] of [
    ['', object],
    ['a.b', [1]],
    ['a.c', null],
    ['a.c.d', undefined],
    ['a.b.length', undefined],
    ['a.b.0', undefined],
    ['a.d.length', undefined],
    ['constructor', undefined],
    ['a.constructor.name', undefined],
    ['__proto__', undefined],
  ] as const)
    assert.deepEqual(valueAt(object, path === '' ? [] : path.split('.')), value, path)
})
