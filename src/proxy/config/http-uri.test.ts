import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { HttpUriSchema } from '../../../gen/envoy/config/core/v3/http_uri_pb.ts'
import { HttpStatusSchema } from '../../../gen/envoy/type/v3/http_status_pb.ts'
import { httpStatus, refusalStatus } from './http-status.ts'
import { httpServer } from './http-uri.ts'

const GOOD = { uri: 'http://a/b', cluster: 'c', timeout: '1.5s' }

// Envoy refuses the same.
const REFUSED: readonly (readonly [made: JsonObject, problem: RegExp])[] = [
  [{ ...GOOD, uri: '' }, /x\.uri: missing/],
  [{ ...GOOD, cluster: '' }, /x\.cluster: a cluster is missing/],
  [{ uri: 'a', cluster: 'c' }, /x\.timeout: missing/],
  [{ ...GOOD, timeout: '-1s' }, /x\.timeout: must not be negative/],
]

test('HttpUri', () => {
  assert.deepEqual(httpServer(fromJson(HttpUriSchema, GOOD), 'x'), { uri: 'http://a/b', cluster: 'c', timeoutMs: 1500 })
  for (const [made, problem] of REFUSED) assert.throws(() => httpServer(fromJson(HttpUriSchema, made), 'x'), problem)
})

test('HttpStatus', () => {
  const status = (code: number) => fromJson(HttpStatusSchema, { code })
  assert.deepEqual([httpStatus(undefined, 403, 'x'), httpStatus(status(503), 403, 'x')], [403, 503])
  for (const code of [0, 99, 299, 700]) assert.throws(() => httpStatus(status(code), 403, 'x'), /x\.code: \d+ is no/)
  assert.deepEqual([refusalStatus(status(200), 'x'), refusalStatus(status(503), 'x')], [429, 503])
})
