import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { grpcFrame } from '../grpc-frame.ts'
import { GrpcMessageCount } from './grpc-message-count.ts'

test('messages are counted however their bytes are cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (list, cuts) => {
      const bytes = Buffer.concat(list.map((message) => grpcFrame(message)))
      const count = new GrpcMessageCount()
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + cuts[i % cuts.length]
        count.read(BodyBuffer.of(bytes.subarray(at, end)))
        at = end
      }
      assert.equal(count.value, list.length)
    }),
  )
})
