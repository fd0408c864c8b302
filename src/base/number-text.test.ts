import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { doubleText, generalText } from './number-text.ts'

test('%.14g', () => {
  for (const [value, text] of [
    [0, '0'],
    [8, '8'],
    [1e13, '10000000000000'],
    [1e14, '1e+14'],
    [0.1, '0.1'],
    [1 / 3, '0.33333333333333'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-2.5, '-2.5'],
    [1e100, '1e+100'],
    [Number.NaN, 'nan'],
    [-Infinity, '-inf'],
    [-0, '-0'],
  ] as const) {
    assert.equal(generalText(value, 14), text)
  }
})

test('doubles as protobuf writes them', () => {
  assert.deepEqual([1e15, 1.5, 0.1 + 0.2, 1e21, 123456, 4294967296].map(doubleText), [
    '1e+15',
    '1.5',
    '0.30000000000000004',
    '1e+21',
    '123456',
    '4294967296',
  ])
})

test('what is written reads as the same number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(Number(doubleText(value)) + 0, value + 0)
    }),
  )
})
