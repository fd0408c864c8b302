import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HeaderMap } from '../../base/header-map.ts'
import { HeadWriter, requestLines } from './serialize.ts'

/** Of a section that is not remembered. */
const LONG = 'a'.repeat(5000)

function written(...pairs: [string, string][]): string {
  const headers = new HeaderMap()
  for (const [name, value] of pairs) headers.add(name, value)
  return new HeadWriter().write(headers, false)
}

describe('lines that a filter wrote', () => {
  const UNSAFE: readonly (readonly [id: string, name: string, value: string])[] = [
    ['a line end in the value', 'x-a', 'b\r\nx-evil: 1'],
    ['a line end in the name', 'x-evil: 1\r\nx-a', 'b'],
    ['a colon in the name', 'transfer-encoding: chunked, x', 'b'],
    ['a space at the end of the name', 'transfer-encoding ', 'chunked'],
    // On the wire there are bytes: U+010D and U+010A would be CR and LF.
    ['characters of which the low byte ends a line, in the value', 'x-a', 'b\u010d\u010ax-evil: 1'],
    ['the same in the name', 'x-evil: 1\u010d\u010ax-a', 'b'],
  ]
  for (const [id, name, value] of UNSAFE) {
    test(`left out: ${id}`, () => assert.equal(written(['x-before', '1'], [name, value]), 'x-before: 1\r\n'))
  }

  test('a second host of a request is left out', () => {
    const headers = HeaderMap.of([
      [':authority', 'a'],
      ['x-a', '1'],
    ])
    headers.add('host', 'b')
    assert.equal(requestLines.write(headers, false), 'x-a: 1\r\n')
  })

  test('bytes of other encodings stay', () => assert.equal(written(['x-a', 'f\xc3\xbcr']), 'x-a: f\xc3\xbcr\r\n'))
})

describe('what is taken over from the message before', () => {
  test('gives the same lines and length as without', () => {
    const writer = new HeadWriter()
    const messages = [
      ['x-a', '1', 'content-length', '5', 'x-b', '2'],
      ['x-a', '1', 'content-length', '5', 'x-b', '3'],
      ['x-a', '1', 'content-length', '6'],
      ['x-a', '1'],
      ['x-a', '1', 'connection', 'upgrade', 'upgrade', 'websocket'],
      ['x-long', 'y'.repeat(5000), 'content-length', '7'],
      ['x-long', 'y'.repeat(5000)],
      [],
    ]
    for (const flat of messages) {
      for (const upgrade of [false, true]) {
        const fresh = new HeadWriter()
        const lines = fresh.write(new HeaderMap(flat.slice()), upgrade)
        assert.equal(writer.write(new HeaderMap(flat.slice()), upgrade), lines)
        assert.equal(writer.contentLength, fresh.contentLength)
      }
    }
  })

  test('whatever the messages have in common', () => {
    // Few kinds, so that messages often begin alike.
    const pair = fc.constantFrom<[string, string]>(
      ['x-a', '1'],
      ['x-a', '2'],
      ['content-length', '1'],
      ['content-length', '22'],
      ['connection', 'x'],
      ['keep-alive', '1'],
    )
    const rarely = fc.nat(9).map((n) => n === 0)
    const message = fc.record({
      pairs: fc.array(pair, { maxLength: 4 }),
      long: rarely,
      upgrade: rarely,
    })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const writer = new HeadWriter()
        for (const { pairs, long, upgrade } of messages) {
          const headers = HeaderMap.of([[':status', '200'], ...pairs, ...(long ? [['x-long', LONG] as const] : [])])
          const alone = new HeadWriter()
          assert.equal(writer.write(headers, upgrade), alone.write(headers, upgrade))
          assert.equal(writer.contentLength, alone.contentLength)
        }
      }),
    )
  })
})
