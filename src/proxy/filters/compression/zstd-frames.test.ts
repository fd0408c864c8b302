import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, createZstdDecompress, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { ZstdFrames } from './zstd-frames.ts'

const skippable = fc.tuple(fc.integer({ min: 0, max: 15 }), fc.uint8Array({ maxLength: 40 })).map(([kind, content]) => {
  const frame = Buffer.alloc(8 + content.length)
  frame.writeUInt32LE(0x184d2a50 + kind)
  frame.writeUInt32LE(content.length, 4)
  frame.set(content, 8)
  return { frame, content: Buffer.alloc(0) }
})

/** Of one block or several, raw, repeated and compressed ones, with what the header may have. */
const real = fc
  .record({
    content: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.string({ maxLength: 20 }), fc.nat(400_000)).map(([text, size]) => Buffer.alloc(size, text)),
    ),
    checksum: fc.constantFrom(0, 1),
    sized: fc.constantFrom(0, 1),
    pledged: fc.boolean(),
  })
  .map(({ content, checksum, sized, pledged }) => ({
    frame: zstdCompressSync(content, {
      params: { [constants.ZSTD_c_checksumFlag]: checksum, [constants.ZSTD_c_contentSizeFlag]: sized },
      ...(pledged ? { pledgedSrcSize: content.length } : {}),
    }),
    content,
  }))

const frames = fc.array(fc.oneof(real, skippable), { maxLength: 6 })

function cut(body: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length]
  return places.slice(1).map((to, i) => body.subarray(places[i], to))
}

test('cut where frames end, however they come', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 5 }), (list, cuts) => {
      const body = Buffer.concat(list.map(({ frame }) => frame))
      const ends = new Set([0, body.length])
      let at = 0
      for (const { frame } of list) {
        at += frame.length
        ends.add(at)
      }
      let walked = 0
      const walker = new ZstdFrames()
      for (const chunk of cut(body, cuts)) {
        const from = walked
        const pieces = [...walker.split(chunk)]
        assert.ok(Buffer.concat(pieces).equals(chunk))
        const inside = pieces.map((piece) => {
          walked += piece.length
          return walked
        })
        const expected = [...ends].filter((end) => end > from && end < walked)
        assert.deepEqual(inside.slice(0, -1), expected)
      }
    }),
    { numRuns: 200 },
  )
})

test('Node opens all frames of a body that is cut so', async () => {
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat(), { maxLength: 5 }), async (list, cuts) => {
      const walker = new ZstdFrames()
      const codec = createZstdDecompress({ chunkSize: 4096, finishFlush: constants.ZSTD_e_flush })
      for (const chunk of cut(Buffer.concat(list.map(({ frame }) => frame)), cuts)) {
        for (const piece of walker.split(chunk)) codec.write(piece)
      }
      codec.end()
      const opened = Buffer.concat(await codec.toArray())
      assert.ok(opened.equals(Buffer.concat(list.map(({ content }) => content))))
    }),
    { numRuns: 60 },
  )
})

test('what is no frame is handed on as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(), { maxLength: 5 }), (bytes, cuts) => {
      const walker = new ZstdFrames()
      const pieces = cut(Buffer.from(bytes), cuts).flatMap((chunk) => [...walker.split(chunk)])
      assert.ok(Buffer.concat(pieces).equals(bytes))
    }),
  )
})
