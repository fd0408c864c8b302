import assert from 'node:assert/strict'
import { Http2Error } from '../../src/proxy/http2/error-code.ts'
import { Flag, FrameType, PREFACE } from '../../src/proxy/http2/frame.ts'
import { HpackDecoder } from '../../src/proxy/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../src/proxy/http2/hpack/encoder.ts'
import { frame, recordClient, recordServer } from '../../src/proxy/http2/testing.ts'
import type { FuzzTarget } from './fuzz.ts'

type Pair = [name: string, value: string]

function decodeBlock(decoder: HpackDecoder, block: Buffer): Pair[] {
  const pairs: Pair[] = []
  decoder.decode(block, 0, block.length, { onField: ({ name, value }) => pairs.push([name.name, value]) })
  return pairs
}

/** HPACK: refused as a connection error, or fields that are the same when they have been encoded and decoded again. */
export const hpack: FuzzTarget = {
  name: 'http2-hpack',
  seeds: [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '400a637573746f6d2d6b65790d637573746f6d2d686561646572bebe',
    '3fe1014803333032580770726976617465c1c0bf',
    '100870617373776f726406736563726574',
    '4001618161',
  ].map((hex) => Buffer.from(hex, 'hex')),
  run: (input) => {
    const decoder = new HpackDecoder(4096)
    let pairs: Pair[]
    try {
      pairs = decodeBlock(decoder, input)
    } catch (error) {
      assert.ok(error instanceof Http2Error)
      return
    }
    const encoder = new HpackEncoder(4096)
    const peer = new HpackDecoder(4096)
    const target = { buffer: Buffer.alloc(1 << 20), at: 0, need: () => {} }
    for (let i = 0; i < 3; i++) {
      target.at = 0
      encoder.begin(target)
      for (const [name, value] of pairs) encoder.field(encoder.slot(name), value, false, target)
      if (target.at > 1 << 19) return
      assert.deepEqual(decodeBlock(peer, target.buffer.subarray(0, target.at)), pairs)
    }
  },
}

const { Metadata, Data, Headers, Priority, RstStream, Settings, Ping, GoAway, WindowUpdate, Continuation } = FrameType
const END = Flag.EndStream
const WHOLE = Flag.EndHeaders
const GET = '828684410161'
const POST = '838684410161'

const SETTINGS = frame(Settings, 0, 0)
const REQUESTS: readonly Buffer[][] = [
  [frame(Headers, END | WHOLE, 1, GET), frame(Headers, END | WHOLE, 3, '828684be')],
  [frame(Headers, WHOLE, 1, POST), frame(Data, 0, 1, '616263'), frame(Data, END, 1, '64')],
  [
    frame(Headers, WHOLE, 1, POST),
    frame(Data, Flag.Padded, 1, '02616263640000'),
    frame(Headers, END | WHOLE, 1, '0001610162'),
  ],
  [frame(Headers, END, 1, '8286'), frame(Continuation, 0, 1, '84'), frame(Continuation, WHOLE, 1, '410161')],
  [
    frame(Settings, 0, 0, '000400000001000100000000'),
    frame(Headers, END | WHOLE, 1, GET),
    frame(WindowUpdate, 0, 1, '00000005'),
  ],
  [frame(Headers, WHOLE, 1, POST), frame(RstStream, 0, 1, '00000008'), frame(Ping, 0, 0, '0102030405060708')],
  [frame(Headers, END | WHOLE | Flag.Priority, 1, `0000000010${GET}`), frame(Priority, 0, 3, '0000000110')],
  [frame(Headers, END | WHOLE, 1, GET), frame(GoAway, 0, 0, '0000000000000000'), frame(0x77, 0, 1, 'ff')],
  [frame(Headers, WHOLE, 1, POST), frame(Metadata, 0, 1, '100161'), frame(Metadata, 4, 1, '0162'), frame(Data, END, 1)],
  [frame(Headers, WHOLE, 1, `${POST}0f0d0133`), frame(Data, 0, 1, '6162'), frame(Data, END, 1, '63')],
]

/** Cut at other places, nothing else may come of it. */
function sameInPieces(
  input: Buffer,
  record: (chunks: readonly Buffer[]) => { events: string[]; written: Buffer },
): void {
  const whole = record([input])
  const size = 1 + ((input[input.length - 1] ?? 0) % 13)
  const pieces: Buffer[] = []
  for (let at = 0; at < input.length; at += size) pieces.push(input.subarray(at, at + size))
  assert.deepEqual(record(pieces).events, whole.events)
}

/** A server's side of a connection: every request ends once, and how bytes are cut makes no difference. */
export const server: FuzzTarget = {
  name: 'http2-server',
  seeds: REQUESTS.map((frames) => Buffer.concat([SETTINGS, ...frames])),
  run: (input) =>
    sameInPieces(Buffer.concat([PREFACE, input]), (chunks) => {
      const { active, ...rest } = recordServer(chunks, { allowMetadata: true })
      assert.equal(active, 0)
      return rest
    }),
}

const RESPONSES: readonly Buffer[][] = [
  [frame(Headers, END | WHOLE, 1, '88'), frame(Headers, WHOLE, 3, '88'), frame(Data, END, 3, '6162')],
  [
    frame(Headers, WHOLE, 1, '0803313030'),
    frame(Headers, WHOLE, 1, '88'),
    frame(Data, 0, 1, '61'),
    frame(Headers, WHOLE | END, 1, '0001610162'),
  ],
  [
    frame(Metadata, 4, 3, '1001610162'),
    frame(Headers, WHOLE, 3, '88'),
    frame(Metadata, 4, 3, '10016102'),
    frame(Data, END, 3),
  ],
  [frame(WindowUpdate, 0, 3, '00010000'), frame(WindowUpdate, 0, 0, '00010000'), frame(RstStream, 0, 3, '00000007')],
  [frame(GoAway, 0, 0, '0000000100000000'), frame(Headers, WHOLE | END, 1, '88')],
  [frame(Headers, WHOLE | END, 5, '880f0d023130'), frame(Settings, 0, 0, '000300000001')],
]

/** A client's side of a connection: every request ends once. */
export const client: FuzzTarget = {
  name: 'http2-client',
  seeds: RESPONSES.map((frames) => Buffer.concat([SETTINGS, ...frames])),
  run: (input) =>
    sameInPieces(input, (chunks) => {
      const { busy, ...rest } = recordClient(chunks, { allowMetadata: true })
      assert.equal(busy, false)
      return rest
    }),
}

export const HTTP2_TARGETS: readonly FuzzTarget[] = [hpack, server, client]
