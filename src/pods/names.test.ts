import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contentHash, randomSuffix } from './names.ts'

test('names are spelt with the letters that Kubernetes takes', () => {
  for (let i = 0; i < 50; i++) assert.match(randomSuffix(), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  assert.match(contentHash({ a: 1 }), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
})

test('the hash of a value does not depend on the order of its keys, and does on everything else', () => {
  assert.equal(contentHash({ a: 1, b: { c: [1, 2], d: null } }), contentHash({ b: { d: null, c: [1, 2] }, a: 1 }))
  assert.equal(contentHash({ a: 1, b: undefined }), contentHash({ a: 1 }))
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b)
      assert.equal(contentHash(a) === contentHash(structuredClone(a)), true)
      // Distinct short values may collide in 32 bits, but not in so few runs.
      if (typeof a !== 'object' || typeof b !== 'object') assert.equal(contentHash(a) === contentHash(b), same)
    }),
  )
})
