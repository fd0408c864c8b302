import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs } from './fields.ts'

test('a duration longer than a timer can be does not become none', () => {
  assert.equal(durationMs({ seconds: 2_592_000n, nanos: 0 }, 0), 2 ** 31 - 1)
  assert.equal(durationMs({ seconds: 1n, nanos: 1_000_000 }, 0), 1001)
  assert.equal(durationMs(undefined, 7), 7)
})
