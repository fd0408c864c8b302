import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HeaderMap } from '../../base/header-map.ts'
import { Http2Error } from './error-code.ts'
import { Flag, FrameType, PREFACE } from './frame.ts'
import { MetadataReceiver, writeMetadata } from './metadata.ts'
import type { Http2Output } from './output.ts'
import { frame, framesOf, recordClient, recordServer } from './testing.ts'

const { Headers, Data, Settings, Metadata } = FrameType
const END = Flag.EndMetadata
const POST = '838684410161'
/** a: b, as Envoy writes it: a literal that is never indexed. */
const A_B = '1001610162'
const on = { allowMetadata: true }

const serve = (options: object, ...frames: Buffer[]) =>
  recordServer([Buffer.concat([PREFACE, frame(Settings, 0, 0), ...frames])], options)
const metadataOf = (written: Buffer) => framesOf(written).filter(({ type }) => type === Metadata)

function target(): Http2Output {
  const output = {
    buffer: Buffer.alloc(4 << 20),
    at: 0,
    need: () => {},
    head(length: number, type: number, flags: number, stream: number) {
      output.bytes(frame(type, flags, stream, Buffer.alloc(length)).subarray(0, 9))
    },
    bytes(bytes: Uint8Array) {
      output.buffer.set(bytes, output.at)
      output.at += bytes.length
    },
  }
  return output as unknown as Http2Output
}

describe('METADATA', () => {
  test('any map is the same behind any frames', () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
    const size = fc.integer({ min: 1, max: 100 })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, minLength: 1 }),
        size,
        (pairs, max) => {
          const output = target()
          writeMetadata(new Map(pairs), 3, max, output)
          const frames = framesOf(output.buffer.subarray(0, output.at))
          const receiver = new MetadataReceiver()
          const maps = frames.map(({ flags, payload }) => receiver.receive(flags === END, payload, 0, payload.length))
          assert.deepEqual([...(maps.pop() ?? [])], pairs)
          assert.ok(maps.every((map) => map === undefined))
        },
      ),
    )
  })

  test('any bytes are a map or an error of the connection', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.boolean())), (frames) => {
        const receiver = new MetadataReceiver()
        try {
          for (const [bytes, end] of frames) receiver.receive(end, Buffer.from(bytes), 0, bytes.length)
        } catch (error) {
          assert.ok(error instanceof Http2Error)
        }
      }),
    )
  })

  test('a server hands it on and sends it behind the headers', () => {
    const { events, written } = serve(
      on,
      frame(Headers, Flag.EndHeaders, 1, POST),
      frame(Metadata, 0, 1, '100161'),
      frame(Metadata, END, 1, '0162'),
      frame(Data, Flag.EndStream, 1),
    )
    assert.ok(events.includes('request 1 metadata [["a","b"]]'), events.join('\n'))
    assert.deepEqual(
      metadataOf(written).map(({ flags, stream, payload }) => [flags, stream, payload.toString('hex')]),
      [[END, 1, A_B]],
    )
  })

  test('a client hears of it, also in front of the response', () => {
    const { events } = recordClient([frame(Settings, 0, 0), frame(Metadata, END, 3, A_B)], on)
    assert.ok(events.includes('response 2 metadata [["a","b"]]'), events.join('\n'))
  })

  test('without the option it is an unknown frame', () => {
    const { events, written } = serve(
      {},
      frame(Headers, Flag.EndHeaders, 1, POST),
      frame(Metadata, END, 1, 'ffffff'),
      frame(Data, Flag.EndStream, 1),
    )
    assert.ok(events.includes('request 1 answered'), events.join('\n'))
    assert.deepEqual(metadataOf(written), [])
  })

  for (const [what, frames] of [
    ['on no stream', [frame(Metadata, END, 0, A_B)]],
    ['on an idle stream', [frame(Metadata, END, 9, A_B)]],
    ['of an empty map', [frame(Headers, Flag.EndHeaders, 1, POST), frame(Metadata, END, 1)]],
    [
      'behind the end of a request',
      [frame(Headers, Flag.EndHeaders | Flag.EndStream, 1, POST), frame(Metadata, END, 1, A_B)],
    ],
  ] as const) {
    test(`${what} it is ignored`, () => {
      const { events } = serve(on, ...frames, frame(Headers, Flag.EndHeaders | Flag.EndStream, 3, POST))
      assert.equal(
        events.filter((event) => event.includes('answered')).length,
        frames.length > 1 && what !== 'of an empty map' ? 2 : 1,
      )
      assert.ok(!events.some((event) => event.includes('metadata')), events.join('\n'))
    })
  }

  for (const [what, frames, code] of [
    ['what is no HPACK', [frame(Metadata, END, 1, 'ffffffffff')], 9],
    ['more than a stream may send', Array.from({ length: 66 }, () => frame(Metadata, 0, 1, Buffer.alloc(16_384))), 11],
    ['frames without content', [0, 0, 0].map(() => frame(Metadata, 0, 1)), 11],
    [
      'entries that cost more than their bytes',
      [
        frame(Metadata, END, 1, Buffer.alloc(16_384, 0x81)),
        ...Array.from({ length: 2 }, () => frame(Metadata, END, 1, Buffer.alloc(16_384, 0x81))),
      ],
      11,
    ],
    ['another frame inside a header block', [frame(Headers, 0, 3, POST), frame(Metadata, END, 3, A_B)], 1],
  ] as const) {
    test(`${what} ends the connection`, () => {
      const { written } = serve(on, frame(Headers, Flag.EndHeaders, 1, POST), ...frames)
      const goaway = framesOf(written).find(({ type }) => type === FrameType.GoAway)
      assert.equal(goaway?.payload.readUInt32BE(4), code)
    })
  }

  test('a socket that takes nothing holds it back, and the end of the message behind it', () => {
    let before = -1
    const { written } = recordServer(
      [
        Buffer.concat([PREFACE, frame(Settings, 0, 0), frame(Headers, Flag.EndHeaders, 1, POST)]),
        ({ output }) => {
          output.blocked = true
        },
        Buffer.concat([frame(Metadata, END, 1, A_B), frame(Data, Flag.EndStream, 1)]),
        (connection) => {
          before = connection.output.frames
          connection.socket.emit('drain')
        },
      ],
      on,
    )
    const types = framesOf(written)
      .filter(({ stream }) => stream === 1)
      .map(({ type }) => type)
    assert.deepEqual(types, [Headers, Metadata, Data, Headers])
    // SETTINGS, its acknowledgement, WINDOW_UPDATE, and the head of the answer.
    assert.equal(before, 4)
  })

  test('nothing follows the end of an answer without a body', () => {
    const { written } = recordServer(
      [
        Buffer.concat([PREFACE, frame(Settings, 0, 0), frame(Headers, Flag.EndHeaders, 1, POST)]),
        ({ output }, [{ encoder }]) => {
          output.blocked = true
          encoder.encodeMetadata?.(new Map([['a', 'b']]))
          encoder.encodeHeaders(HeaderMap.of([[':status', '204']]), true)
        },
        (connection) => {
          connection.socket.emit('drain')
        },
      ],
      on,
    )
    assert.deepEqual(
      framesOf(written)
        .filter(({ stream }) => stream === 1)
        .map(({ type, flags }) => [type, type === Headers && (flags & Flag.EndStream) !== 0]),
      [
        [Metadata, false],
        [Headers, true],
      ],
    )
  })

  test('the bound holds for a stream, not for a frame', () => {
    const receiver = new MetadataReceiver()
    // 1: 65,536 bytes.
    const block = Buffer.from(`10016c7f81ff03${'62'.repeat(65_536)}`, 'hex')
    const take = () => receiver.receive(true, block, 0, block.length)
    for (let i = 0; i < 15; i++) assert.equal(take()?.get('l')?.length, 65_536)
    assert.throws(take, /too much METADATA/)
  })
})
