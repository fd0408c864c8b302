import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { grpcTimeout, toGrpcTimeout } from './grpc-timeout.ts'

test('grpc-timeout: eight digits and a unit', () => {
  const read = ['1H', '2M', '3S', '40m', '1u', '99999999n', '123456789m', '5', 'm', '1 m', '-1m'].map(grpcTimeout)
  const none = undefined
  assert.deepEqual(read, [3_600_000, 120_000, 3000, 40, 1, 100, none, none, none, none, none])
})

test('what is written is read again, in whole seconds or minutes where it is long', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6e12 - 1 }), (ms) => {
      const text = toGrpcTimeout(ms)
      const back = grpcTimeout(text)
      const unit = text.endsWith('m') ? 1 : text.endsWith('S') ? 1000 : 60_000
      assert.equal(back, Math.floor(ms / unit) * unit)
    }),
  )
})
