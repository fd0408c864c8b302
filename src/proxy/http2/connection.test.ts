import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from './error-code.ts'
import { Flag, FrameType, PREFACE } from './frame.ts'
import type { Http2Options } from './options.ts'
import { frame, framesOf, recordServer } from './testing.ts'

const { Data, Headers, Priority, RstStream, Settings, Ping, GoAway, WindowUpdate, Continuation, PushPromise } =
  FrameType
const END = Flag.EndStream
const WHOLE = Flag.EndHeaders
/** `:method GET`, `:scheme http`, `:path /`, `:authority a`. */
const GET = '828684410161'
const POST = '838684410161'

const SETTINGS = frame(Settings, 0, 0)
const times = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))
const id = (i: number) => i * 2 + 1

function play(frames: readonly Buffer[], options: Partial<Http2Options> = {}) {
  const { events, written } = recordServer([Buffer.concat([PREFACE, SETTINGS, ...frames])], options)
  const seen = framesOf(written)
  const goAway = seen.findLast(({ type }) => type === GoAway)
  return { events, seen, code: goAway?.payload.readUInt32BE(4), text: goAway?.payload.toString('latin1', 8) }
}

interface Flood {
  readonly id: string
  /** Makes `count` of them; one fewer than `limit` is taken. */
  readonly frames: (count: number) => Buffer[]
  readonly limit: number
  readonly options?: Partial<Http2Options>
}

const FLOODS: readonly Flood[] = [
  // The acknowledgement of our own test's SETTINGS is one of them.
  {
    id: 'max_outbound_control_frames: PING',
    frames: (n) => [times(n, () => frame(Ping, 0, 0, '0000000000000000'))],
    limit: 1000,
  },
  { id: 'max_outbound_control_frames: SETTINGS', frames: (n) => [times(n, () => frame(Settings, 0, 0))], limit: 1000 },
  {
    id: 'max_consecutive_inbound_frames_with_empty_payload: DATA',
    frames: (n) => [frame(Headers, WHOLE, 1, POST), times(n, () => frame(Data, 0, 1))],
    limit: 2,
  },
  {
    id: 'max_consecutive_inbound_frames_with_empty_payload: padding is no payload',
    frames: (n) => [frame(Headers, WHOLE, 1, POST), times(n, () => frame(Data, Flag.Padded, 1, '020000'))],
    limit: 2,
  },
  {
    id: 'max_consecutive_inbound_frames_with_empty_payload: CONTINUATION',
    frames: (n) => [frame(Headers, 0, 1, POST), times(n, () => frame(Continuation, 0, 1))],
    limit: 4,
    options: { maxEmptyFrames: 3 },
  },
  {
    id: 'max_inbound_priority_frames_per_stream',
    frames: (n) => [times(n, () => frame(Priority, 0, 3, '0000000110'))],
    limit: 101,
  },
  {
    id: 'max_inbound_window_update_frames_per_data_frame_sent',
    frames: (n) => [times(n, () => frame(WindowUpdate, 0, 0, '00000001'))],
    limit: 6,
  },
  {
    id: 'rapid reset (CVE-2023-44487): half of 500 streams within a second',
    frames: (n) => [
      times(n, (i) => Buffer.concat([frame(Headers, WHOLE, id(i), POST), frame(RstStream, 0, id(i), '00000008')])),
    ],
    limit: 250,
  },
  {
    id: 'MadeYouReset (CVE-2025-8671): streams that the client makes us reset',
    frames: (n) => [
      times(n, (i) => Buffer.concat([frame(Headers, WHOLE, id(i), POST), frame(Priority, 0, id(i), '00000000')])),
    ],
    limit: 250,
    options: { maxPriorityFrames: 1000 },
  },
  {
    id: 'CONTINUATION flood (CVE-2024-27316): twice max_request_headers_kb of encoded fields',
    frames: (n) => [frame(Headers, 0, 1, POST), times(n, () => frame(Continuation, 0, 1, Buffer.alloc(1024, 0x82)))],
    limit: 32,
  },
]

describe('floods end the connection', () => {
  for (const { id, frames, limit, options } of FLOODS) {
    test(id, () => {
      const under = play(frames(limit - 1), options)
      assert.notEqual(under.code, ErrorCode.EnhanceYourCalm, under.text)
      assert.equal(play(frames(limit), options).code, ErrorCode.EnhanceYourCalm)
    })
  }
})

describe('what is left behind', () => {
  test('a body that was read and that nobody takes any more counts as read for the connection', () => {
    const frames = times(4, () => frame(Data, 0, 1, Buffer.alloc(16_000)))
    const { written } = recordServer(
      [
        Buffer.concat([PREFACE, SETTINGS, frame(Headers, WHOLE, 1, POST)]),
        (_, [request]) => request.encoder.pauseReading(),
        Buffer.concat([frames, frame(Data, END, 1)]),
        // As when a filter refuses the request while its body waits.
        (_, [request]) => request.refuse(),
        frame(Headers, WHOLE | END, 3, GET),
      ],
      { connectionWindow: 100_000 },
    )
    const updates = framesOf(written).filter(({ type, stream }) => type === WindowUpdate && stream === 0)
    assert.deepEqual(
      updates.map(({ payload }) => payload.readUInt32BE(0)),
      [100_000 - 65_535, 64_000],
    )
  })

  test('a little of a body in a large read holds little', () => {
    const pieces: Buffer[] = []
    recordServer([
      Buffer.concat([PREFACE, SETTINGS, frame(Headers, WHOLE, 1, POST)]),
      (_, [request]) => {
        request.onRequestData = (data) => pieces.push(...data.chunks)
      },
      // RFC 9113 5.5: frames of unknown types are ignored, however many there are.
      Buffer.concat([frame(Data, 0, 1, Buffer.alloc(600)), times(4, () => frame(0xee, 0, 1, Buffer.alloc(16_000)))]),
    ])
    assert.deepEqual(
      pieces.map(({ length, buffer }) => [length, buffer.byteLength <= 8192]),
      [[600, true]],
    )
  })

  test('streams refused behind GOAWAY fill no queue of a client that does not read', () => {
    const refused = (count: number) =>
      recordServer([
        Buffer.concat([PREFACE, SETTINGS, frame(Headers, WHOLE, 1, POST)]),
        (connection) => connection.drain(),
        frame(Ping, Flag.Ack, 0, '0000000000000003'),
        times(count, (i) => frame(Headers, WHOLE | END, id(i + 1), GET)),
      ])
    const codes = ({ written }: { written: Buffer }) =>
      framesOf(written)
        .filter(({ type }) => type === GoAway)
        .map(({ payload }) => payload.readUInt32BE(4))
    assert.deepEqual(codes(refused(900)), [ErrorCode.NoError, ErrorCode.NoError])
    assert.equal(codes(refused(1100)).at(-1), ErrorCode.EnhanceYourCalm)
  })
})

describe('messages', () => {
  test('an invalid one ends the connection; with stream_error_on_invalid_http_messaging its stream only', () => {
    const frames = [frame(Headers, WHOLE | END, 1, '8286'), frame(Headers, WHOLE | END, 3, GET)]
    assert.equal(play(frames).code, ErrorCode.ProtocolError)
    const { seen, events } = play(frames, { streamErrors: true })
    assert.deepEqual(
      seen.filter(({ type }) => type === RstStream).map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]),
      [[1, ErrorCode.ProtocolError]],
    )
    assert.ok(events.includes('request 2 answered'))
  })

  for (const [what, block, details] of [
    ['a field that none may have', '828684410161400161010a', 'http2.invalid.header.field'],
    ['no path', '8286', 'http2.violation.of.messaging.rule'],
  ] as const)
    test(`an invalid one is told as a request that was reset: ${what}`, () => {
      const { events } = play([frame(Headers, WHOLE | END, 1, block)])
      assert.deepEqual(events.slice(0, 2), ['request 1 begins []', `request 1 reset ${details}`])
    })

  test('HPACK goes on behind a request that was refused', () => {
    const frames = [frame(Headers, WHOLE | END, 1, '82864001610162'), frame(Headers, WHOLE | END, 3, '828684410161bf')]
    const { events } = play(frames, { streamErrors: true })
    assert.match(events.find((event) => event.startsWith('request 2 headers')) ?? '', /"a","b"/)
  })

  test('extended CONNECT (RFC 8441) is an upgrade, where it is allowed', () => {
    const connect = Buffer.from('86844101610207434f4e4e45435400093a70726f746f636f6c09776562736f636b6574', 'hex')
    const frames = [frame(Headers, WHOLE, 1, connect)]
    assert.equal(play(frames).code, ErrorCode.ProtocolError)
    const { events, seen } = play(frames, { allowConnect: true })
    assert.match(events[0], /":method","GET".*"connection","upgrade","upgrade","websocket"/)
    assert.ok(seen[0].payload.includes(Buffer.from('000800000001', 'hex')), 'SETTINGS_ENABLE_CONNECT_PROTOCOL')
  })

  test('too large a header section is answered with 431', () => {
    // RFC 7541 5.1: 127 + 0x21 + 0x7f * 128 bytes.
    const block = Buffer.concat([Buffer.from(`${GET}0001617fa17f`, 'hex'), Buffer.alloc(16_416, 0x61)])
    const frames = [
      frame(Headers, END, 1, block.subarray(0, 16_000)),
      frame(Continuation, WHOLE, 1, block.subarray(16_000)),
    ]
    assert.ok(play(frames).events.includes('request 1 refused http2.too_many_headers'))
  })

  test('a reset counts where there is something to reset, as in Envoy', () => {
    const reset = frame(RstStream, 0, 1, '00000008')
    const { stats } = recordServer([Buffer.concat([PREFACE, SETTINGS, frame(Headers, WHOLE, 1, POST), reset, reset])])
    assert.equal(stats.rxReset.value, 1)
  })

  test('PUSH_PROMISE of a client is an error', () => {
    assert.equal(play([frame(PushPromise, WHOLE, 1, '00000002')]).code, ErrorCode.ProtocolError)
  })
})

describe('draining', () => {
  const goAways = (written: Buffer) =>
    framesOf(written)
      .filter(({ type }) => type === GoAway)
      .map(({ payload }) => payload.readUInt32BE(0))

  test('GOAWAY warns first; the last request is named when the client has had time to read that (RFC 9113 6.8)', () => {
    const { written, events } = recordServer([
      Buffer.concat([PREFACE, SETTINGS, frame(Headers, WHOLE, 1, POST)]),
      (connection) => connection.drain(),
      // Still taken: it was under way.
      frame(Headers, WHOLE | END, 3, GET),
      frame(Ping, Flag.Ack, 0, '0000000000000003'),
      frame(Headers, WHOLE | END, 5, GET),
      frame(Data, END, 1, '61'),
    ])
    assert.deepEqual(goAways(written), [0x7fffffff, 3])
    assert.deepEqual(
      events.filter((event) => event.endsWith('answered')),
      ['request 2 answered', 'request 1 answered'],
    )
    assert.ok(framesOf(written).some(({ type, stream }) => type === RstStream && stream === 5))
  })
})
