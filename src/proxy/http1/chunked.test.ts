import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ChunkedDecoder } from './chunked.ts'
import { CodecError } from './codec-error.ts'
import { DEFAULT_LIMITS } from './head.ts'

/** Feeds the text in pieces; the body, the trailers and what is left over. */
function decode(text: string, size = text.length) {
  const decoder = new ChunkedDecoder()
  decoder.reset(DEFAULT_LIMITS)
  let body = ''
  const sink = { onBodyData: (data: Buffer, start: number, end: number) => (body += data.latin1Slice(start, end)) }
  let rest = ''
  for (let at = 0; at < text.length; at += size) {
    const piece = Buffer.from(text.slice(at, at + size), 'latin1')
    const end = decoder.feed(piece, 0, sink)
    if (decoder.done) {
      rest = piece.latin1Slice(end) + text.slice(at + size)
      break
    }
    assert.equal(end, piece.length)
  }
  return { body, done: decoder.done, trailers: decoder.trailers, rest }
}

const GOOD: readonly (readonly [clause: string, text: string, body: string, rest?: string])[] = [
  ['7.1: chunks', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', 'abcde'],
  ['7.1: upper and lower case sizes', 'A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789'],
  ['7.1: leading zeros', '0003\r\nabc\r\n000\r\n\r\n', 'abc'],
  ['7.1.1: extensions are dropped', '3;a=b;c="d e"\r\nabc\r\n0;last\r\n\r\n', 'abc'],
  ['7.1.1: white space before an extension', '3 ;a\r\nabc\r\n0\r\n\r\n', 'abc'],
  ['7.1: what follows belongs to the next message', '0\r\n\r\nGET / HTTP/1.1\r\n', '', 'GET / HTTP/1.1\r\n'],
]

const BAD: readonly (readonly [clause: string, text: string])[] = [
  ['7.1: no size', '\r\nabc'],
  ['7.1: not hexadecimal', 'g\r\n'],
  ['7.1: 0x', '0x3\r\nabc'],
  ['7.1: sign', '+3\r\nabc'],
  ['7.1: minus', '-1\r\n'],
  ['7.1: space in front', ' 3\r\nabc'],
  ['7.1: size too large', 'fffffffffffffff\r\n'],
  ['7.1: endless zeros', '00000000000000000\r\n'],
  ['2.2: bare LF after a size', '3\nabc\r\n0\r\n\r\n'],
  ['2.2: bare CR after a size', '3\rabc'],
  ['7.1: data longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['2.2: bare LF after data', '3\r\nabc\n0\r\n\r\n'],
  ['2.2: bare CR after data', '3\r\nabc\rx'],
  ['7.1.1: control character in an extension', '3;\0\r\nabc'],
  ['7.1.1: bare LF in an extension', '3;a\nb\r\nabc'],
  ['7.1.1: extension without semicolon', '3a b\r\n'],
  ['7.1.1: too long', `3;${'a'.repeat(20_000)}\r\nabc\r\n`],
  ['7.1.2: content-length in the trailers', '0\r\ncontent-length: 3\r\n\r\n'],
  ['7.1.2: transfer-encoding in the trailers', '0\r\ntransfer-encoding: chunked\r\n\r\n'],
  ['7.1.2: host in the trailers', '0\r\nhost: a\r\n\r\n'],
  ['5.1: space before the colon in the trailers', '0\r\na : b\r\n\r\n'],
  ['5.2: folded trailer', '0\r\na: b\r\n c\r\n\r\n'],
]

describe('chunked, RFC 9112', () => {
  for (const [clause, text, body, rest = ''] of GOOD) {
    test(clause, () => {
      for (const size of [text.length, 1, 2, 3, 7]) {
        const result = decode(text, size)
        assert.deepEqual([result.body, result.done, result.rest], [body, true, rest], `in pieces of ${size}`)
      }
    })
  }

  for (const [clause, text] of BAD) {
    test(`refused: ${clause}`, () => {
      for (const size of [text.length, 1]) assert.throws(() => decode(text, size), CodecError)
    })
  }

  test('7.1.2: trailers', () => {
    for (const size of [100, 1, 5]) {
      const { trailers } = decode('1\r\nx\r\n0\r\nA: 1\r\nb:2\r\n\r\n', size)
      assert.deepEqual(
        [...(trailers ?? [])],
        [
          ['a', '1'],
          ['b', '2'],
        ],
      )
    }
  })

  test('any body comes out as it went in, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (chunks, size) => {
          const text = (chunk: Uint8Array) => Buffer.from(chunk).latin1Slice()
          const wire = `${chunks.map((c) => `${c.length.toString(16)}\r\n${text(c)}\r\n`).join('')}0\r\n\r\n`
          assert.equal(decode(wire, size).body, chunks.map(text).join(''))
        },
      ),
    )
  })
})
