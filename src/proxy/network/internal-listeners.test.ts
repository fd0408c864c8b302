import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { ReadSlab } from '../../base/read-slab.ts'
import { CurrentRead } from './current-read.ts'
import { InternalListeners } from './internal-listeners.ts'

test('the other end gives no memory back that this end may have kept for a retry', async () => {
  const listeners = new InternalListeners()
  const accepted = new Promise<Socket>((resolve) => listeners.set('a', resolve))
  const near = listeners.connect('a', 'envoy://a/', 0)
  const far = await accepted
  const slab = ReadSlab.take() as ReadSlab
  slab.filled(5000)
  near.write(slab.buffer.subarray(0, 5000))
  const [chunk] = (await once(far, 'data')) as [Buffer]
  const read = new CurrentRead()
  read.begin(chunk, true)
  const body = read.body(chunk, 0, chunk.length)
  read.end()
  body.moveTo(Buffer.alloc(5000), 0, 5000)
  assert.notEqual(ReadSlab.take(), slab)
  near.destroy()
})
