import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Flag, FrameType } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { frame } from './testing.ts'

/** What a reader says of bytes that come in these reads; pieces of one DATA frame are put together. */
function seen(reads: readonly Buffer[]): { events: string[]; partial: boolean } {
  const events: string[] = []
  let data = ''
  const reader = new FrameReader({
    onFrame: (type, flags, stream, bytes, start, end) =>
      events.push(`${type} ${flags} ${stream} ${bytes.toString('hex', start, end)}`),
    onDataFrame: (flags, stream, length) => events.push(`DATA ${flags} ${stream} ${length}`),
    onDataPiece: (bytes, start, end, last) => {
      data += bytes.toString('hex', start, end)
      if (!last) return
      events.push(data)
      data = ''
    },
  })
  for (const read of reads) {
    // Only there during the call.
    const copy = Buffer.from(read)
    reader.feed(copy)
    copy.fill(0xff)
  }
  return { events, partial: reader.partial }
}

describe('FrameReader', () => {
  test('sees the same frames wherever the reads cut them', () => {
    const one = fc.tuple(
      fc.constantFrom(FrameType.Data, FrameType.Headers, FrameType.Ping, 0x77),
      fc.constantFrom(0, Flag.EndStream, Flag.Padded),
      fc.nat(9),
      fc.uint8Array({ maxLength: 40 }),
    )
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), fc.array(fc.nat(30), { maxLength: 40 }), (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(([type, flags, id, load]) => frame(type, flags, id, Buffer.from(load))))
        const reads: Buffer[] = []
        let at = 0
        for (const size of sizes) {
          reads.push(bytes.subarray(at, at + size))
          at += size
        }
        reads.push(bytes.subarray(at))
        const found = seen(reads)
        assert.deepEqual(found, seen([bytes]))
        assert.equal(found.partial, false)
        assert.equal(found.events.filter((event) => /^(DATA|\d+) \d+ \d+ /.test(event)).length, frames.length)
      }),
    )
  })
})
