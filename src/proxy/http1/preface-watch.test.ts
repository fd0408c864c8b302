import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PrefaceWatch } from './preface-watch.ts'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** What is found in a text that comes in pieces, with all bytes that came by then. */
function found(pieces: readonly string[]) {
  const watch = new PrefaceWatch(() => {})
  for (const [i, piece] of pieces.entries()) {
    const what = watch.take(Buffer.from(piece, 'latin1'))
    const bytes = pieces.slice(0, i + 1).join('')
    if (what === undefined) assert.equal(watch.begun, true)
    else {
      assert.equal(what.bytes.latin1Slice(), bytes)
      return { isHttp2: what.isHttp2, at: bytes.length }
    }
  }
  return undefined
}

/** The pieces of a text that is cut at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const all = [...new Set([0, ...places.map((place) => 1 + (place % (text.length - 1))), text.length])]
  all.sort((a, b) => a - b)
  return all.slice(1).map((end, i) => text.slice(all[i], end))
}

test('the preface is found however it is cut, and so is a request that begins as it does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.nat({ max: 17 }), fc.constantFrom('x', '\r', '1'), (places, same, other) => {
      assert.equal(found(cut(PREFACE, places))?.isHttp2, true)
      const request = `${PREFACE.slice(0, same)}${other}`
      fc.pre(!PREFACE.startsWith(request))
      const rest = cut(`${request} rest`, places)
      const what = found(rest)
      assert.equal(what?.isHttp2, false)
      assert.ok(what.at > same, 'no sooner than they part')
    }),
  )
})

test('a part of the preface may be either', () => {
  for (let end = 1; end < 18; end++) assert.equal(found([PREFACE.slice(0, end)]), undefined)
})
