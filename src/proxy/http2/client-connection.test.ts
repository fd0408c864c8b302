import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { Flag, FrameType, PREFACE } from './frame.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { DEFAULT_TABLE_SIZE } from './hpack/static-table.ts'
import { frame, framesOf, recordClient } from './testing.ts'

const { Headers, Settings } = FrameType
const WHOLE = Flag.EndHeaders
const END = Flag.EndStream

/** The header sections that were sent, by stream. */
function sections(written: Buffer): Map<number, string[]> {
  const decoder = new HpackDecoder(DEFAULT_TABLE_SIZE)
  const found = new Map<number, string[]>()
  for (const { type, stream, payload } of framesOf(written.subarray(PREFACE.length))) {
    if (type !== Headers) continue
    const fields: string[] = []
    decoder.decode(payload, 0, payload.length, {
      onField: ({ name, value }) => void fields.push(`${name.name}: ${value}`),
    })
    found.set(stream, fields)
  }
  return found
}

const upgrade = () =>
  new HeaderMap(
    [
      [':authority', 'a'],
      [':path', '/chat'],
      [':method', 'GET'],
      [':scheme', 'http'],
      ['connection', 'upgrade'],
      ['upgrade', 'websocket'],
      ['sec-websocket-version', '13'],
    ].flat(),
  )
/** SETTINGS_ENABLE_CONNECT_PROTOCOL */
const ALLOWED = frame(Settings, 0, 0, '000800000001')

describe('an upgrade of HTTP/1.1 towards an HTTP/2 upstream (RFC 8441)', () => {
  test('is an extended CONNECT; the answer 200 is a 101', () => {
    const { written, events } = recordClient([ALLOWED, upgrade(), frame(Headers, WHOLE, 7, '88')])
    assert.deepEqual(sections(written).get(7), [
      ':authority: a',
      ':path: /chat',
      ':method: CONNECT',
      ':scheme: http',
      ':protocol: websocket',
      'sec-websocket-version: 13',
    ])
    assert.ok(
      events.includes('response 4 headers [":status","101","connection","upgrade","upgrade","websocket"]'),
      events.join('\n'),
    )
  })

  test('that is refused keeps its status', () => {
    // :status 404
    const { events } = recordClient([ALLOWED, upgrade(), frame(Headers, WHOLE | END, 7, '8d')])
    assert.ok(events.includes('response 4 headers [":status","404"]'), events.join('\n'))
  })

  test('is not sent where the upstream has not said that it knows it', () => {
    const { written, events } = recordClient([frame(Settings, 0, 0), upgrade()])
    assert.equal(sections(written).get(7), undefined)
    assert.ok(
      events.some((event) => /^response 4 reset .*upstream has no extended CONNECT/.test(event)),
      events.join('\n'),
    )
  })
})

test('an answer 204 has no content-length, as from HTTP/1.1 (RFC 9110 8.6)', () => {
  // :status 204, content-length: 5
  const { events } = recordClient([frame(Settings, 0, 0), frame(Headers, WHOLE | END, 1, '890f0d0135')])
  assert.ok(events.includes('response 1 headers [":status","204"]'), events.join('\n'))
})
