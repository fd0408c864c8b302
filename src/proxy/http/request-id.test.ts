import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestId } from './request-id.ts'

test('request ids are version 4 UUIDs, and no two are the same', () => {
  const ids = Array.from({ length: 1000 }, requestId)
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(new Set(ids).size, ids.length)
})
