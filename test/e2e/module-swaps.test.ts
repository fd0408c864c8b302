import assert from 'node:assert/strict'
import { test } from 'node:test'
import { swapModules } from './module-swaps.ts'

test('50 swaps of a module under load lose no request', async () => {
  const { statuses, latenciesMs, requests } = await swapModules(50, 4)
  assert.equal(latenciesMs.length, 50)
  assert.deepEqual([...statuses], [[200, requests]])
})
