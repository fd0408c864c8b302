import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { ReadSlab } from '../../base/read-slab.ts'
import { CurrentRead } from './current-read.ts'

const K = 1024
const text = (body: BodyBuffer) => Buffer.concat(body.chunks).toString('latin1')
/** As whoever sends it does, at last. */
const send = (body: BodyBuffer) => body.moveTo(Buffer.alloc(body.length), 0, body.length)

describe('a read', () => {
  let read: CurrentRead
  beforeEach(() => {
    read = new CurrentRead()
  })

  function slabWith(bytes: number): { slab: ReadSlab; chunk: Buffer } {
    const slab = ReadSlab.take() as ReadSlab
    slab.filled(bytes)
    return { slab, chunk: slab.buffer.subarray(0, bytes).fill('a') }
  }

  for (const recycles of [false, true]) {
    for (const size of [10, 50 * K]) {
      test(`of the shared buffer is copied: ${size} bytes, ${recycles ? 'with' : 'without'} slabs`, () => {
        const chunk = Buffer.alloc(64 * K, 'a')
        read.recycles = recycles
        read.begin(chunk, false)
        const body = read.body(chunk, 5, 5 + size)
        read.end()
        chunk.fill('b')
        assert.ok(body.sole)
        assert.equal(text(body), 'a'.repeat(size))
      })
    }
  }

  test('of a slab is handed on without a copy, and read into again when all of it was sent', () => {
    const { slab, chunk } = slabWith(100 * K)
    read.begin(chunk, true)
    const bodies = [read.body(chunk, 9, 50 * K), read.body(chunk, 50 * K + 9, 100 * K)]
    read.end()
    assert.ok(bodies.every(({ chunks }) => chunks[0].buffer === slab.buffer.buffer))
    send(bodies[0])
    assert.ok(ReadSlab.take() !== slab)
    send(bodies[1])
    assert.ok(ReadSlab.take() === slab)
  })

  test('of a slab of which nobody has anything is over with the read', () => {
    const { slab, chunk } = slabWith(100 * K)
    read.begin(chunk, true)
    const little = read.body(chunk, 0, 100)
    // Behind the beginning of a message that came in an earlier read.
    const joined = Buffer.concat([Buffer.alloc(10), chunk])
    const together = read.body(joined, 0, joined.length)
    read.end()
    assert.ok(ReadSlab.take() === slab)
    slab.buffer.fill('b')
    assert.equal(text(little), 'a'.repeat(100))
    assert.equal(text(together).slice(10), 'a'.repeat(100 * K))
  })

  test('says whether what bodies took of it was worth a buffer of its own', () => {
    const chunk = Buffer.alloc(64 * K)
    const small = (...parts: [number, number][]) => {
      read.begin(chunk, false)
      for (const [start, end] of parts) read.body(chunk, start, end)
      read.end()
      return read.small
    }
    assert.ok(!small())
    assert.ok(small([0, 100], [200, 300]))
    assert.ok(small(), 'a read without a body says nothing')
    assert.ok(!small([0, 100], [200, 20 * K], [21 * K, 22 * K]))
  })

  test('of a slab that somebody else may hold is not read into again', () => {
    const { slab, chunk } = slabWith(100 * K)
    read.begin(chunk, true)
    const body = read.body(chunk, 0, 100 * K)
    body.sole = false
    read.handedOn(body)
    read.end()
    send(body)
    assert.ok(!read.recycles)
    assert.ok(ReadSlab.take() !== slab)
  })

  test('of a buffer of its own is handed on as it is; a little of it does not hold all', () => {
    const chunk = Buffer.allocUnsafeSlow(64 * K)
    read.begin(chunk, true)
    assert.ok(read.body(chunk, 0, 60 * K).chunks[0].buffer === chunk.buffer)
    assert.equal(read.body(chunk, 0, 600).chunks[0].buffer.byteLength, 600)
    read.end()
  })
})
