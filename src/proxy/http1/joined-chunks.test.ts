import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { ReadSlab } from '../../base/read-slab.ts'
import { type BodyKind, DEFAULT_LIMITS, type HeadLimits } from './head.ts'
import { Http1Reader } from './reader.ts'

class Reader extends Http1Reader {
  readonly heard: string[] = []
  body = ''
  read(chunk: Buffer, owned: boolean): void {
    this.feed(chunk, owned)
  }
  protected onHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): BodyKind {
    this.head.parseRequest(bytes, start, end, 'http', limits)
    return this.head.bodyKind
  }
  protected onBody(data: BodyBuffer): void {
    assert.equal(data.chunks.length, 1)
    this.body += data.linearize().latin1Slice()
    this.heard.push(`body ${data.length}`)
    data.moveTo(Buffer.alloc(data.length), 0, data.length)
  }
  protected onTrailers(): void {
    this.heard.push('end')
    this.nextMessage()
  }
  protected onError({ message }: Error): void {
    this.heard.push(message)
  }
}

const HEAD = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'
const chunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`

/** How the memory of a read may come. */
const READS: Readonly<Record<string, (reader: Reader, bytes: Buffer) => void>> = {
  'of its own, perhaps with other holders': (reader, bytes) => {
    const before = bytes.latin1Slice()
    reader.read(bytes, true)
    assert.equal(bytes.latin1Slice(), before, 'others see what they saw')
  },
  'shared by all sockets': (reader, bytes) => reader.read(bytes, false),
  'in a slab': (reader, bytes) => {
    const slab = ReadSlab.take() as ReadSlab
    slab.buffer.set(bytes)
    slab.filled(bytes.length)
    reader.read(slab.buffer.subarray(0, bytes.length), true)
    const next = ReadSlab.take()
    assert.equal(next, slab, 'all of it was given back')
    next?.release()
  },
}

describe('the chunks that come in one read', () => {
  for (const [memory, read] of Object.entries(READS)) {
    test(`are one piece, and what is sent arrives (memory ${memory})`, () => {
      const size = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 6000 }))
      fc.assert(
        fc.property(
          fc.array(fc.array(size, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
          fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 20 }),
          (messages, cuts) => {
            let letter = 0
            const bodies = messages.map((sizes) =>
              sizes.map((n) => String.fromCharCode(97 + (letter++ % 26)).repeat(n)),
            )
            const bytes = Buffer.from(bodies.map((parts) => `${HEAD}${parts.map(chunk).join('')}0\r\n\r\n`).join(''))
            const reader = new Reader(DEFAULT_LIMITS, 'requests')
            let reads = 0
            for (let at = 0; at < bytes.length; ) {
              const end = Math.min(bytes.length, at + cuts[reads++ % cuts.length])
              read(reader, Buffer.from(bytes.subarray(at, end)))
              at = end
            }
            assert.equal(reader.body, bodies.flat().join(''))
            const pieces = reader.heard.filter((one) => one !== 'end').length
            assert.ok(pieces <= reads + messages.length, `${pieces} pieces of ${reads} reads`)
          },
        ),
      )
    })
  }

  test('are handed on in front of the end, and not when an error is among them', () => {
    const reader = new Reader(DEFAULT_LIMITS, 'requests')
    reader.read(Buffer.from(`${HEAD}${chunk('ab')}${chunk('c')}0\r\n\r\n${HEAD}${chunk('de')}`), true)
    reader.read(Buffer.from(`${chunk('f')}g\r\n`), true)
    assert.deepEqual(reader.heard, ['body 3', 'end', 'body 2', 'invalid chunk size'])
  })

  test('have no end for who stops reading when it gets them', () => {
    const reader = new (class extends Reader {
      protected override onBody(data: BodyBuffer): void {
        super.onBody(data)
        this.stopReading()
      }
    })(DEFAULT_LIMITS, 'requests')
    reader.read(Buffer.from(`${HEAD}${chunk('ab')}0\r\n\r\n${HEAD}`), true)
    assert.deepEqual(reader.heard, ['body 2'])
  })
})
