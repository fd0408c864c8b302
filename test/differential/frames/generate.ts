/** Connections of HTTP/2 clients by seed: one that differs is made again alone by its own. */
import * as raw from '../../conformance/http2/frames.ts'
import { Dice } from '../filters/dice.ts'
import { section, trailers } from './fields.ts'
import type { Json, Piece, Setting, Trial } from './trial.ts'

export function generate(count: number, seed: number): Trial[] {
  return Array.from({ length: count }, (_, i) => trial(seed * 10_000 + i))
}

function trial(seed: number): Trial {
  const dice = new Dice(seed)
  const requests = dice.list(1, 4, (i) => request(dice, i * 2 + 1))
  const pieces = merged(dice, requests)
  for (let i = dice.pick([0, 0, 1, 1, 2]); i > 0; i--) pieces.splice(dice.int(0, pieces.length), 0, other(dice))
  if (dice.chance(0.06)) pieces.splice(dice.int(0, pieces.length - 1), 1)
  return {
    id: `frames-${seed}`,
    manager: manager(dice),
    // Without a table of the proxy's own, and with windows that hold an answer, or nothing.
    settings: [
      [raw.Setting.HEADER_TABLE_SIZE, dice.pick([0, 0, 100, 4096])],
      ...(dice.chance(0.15) ? [[raw.Setting.INITIAL_WINDOW_SIZE, dice.pick([0, 1, 65_536])] as Setting] : []),
      ...(dice.chance(0.1) ? [[raw.Setting.MAX_FRAME_SIZE, 20_000] as Setting] : []),
      ...(dice.chance(0.1) ? [[0x99, 7] as Setting] : []),
    ],
    pieces,
    slow: dice.chance(0.6),
  }
}

function manager(dice: Dice): Json {
  const options: Json = {
    ...(dice.chance(0.15) ? { max_concurrent_streams: dice.pick([1, 2]) } : {}),
    ...(dice.chance(0.3) ? { override_stream_error_on_invalid_http_message: true } : {}),
    ...(dice.chance(0.1) ? { hpack_table_size: dice.pick([0, 100]) } : {}),
    ...(dice.chance(0.2) ? { initial_stream_window_size: 65_535, initial_connection_window_size: 65_535 } : {}),
    ...(dice.chance(0.1) ? { allow_connect: true } : {}),
  }
  const common: Json = {
    ...(dice.chance(0.08) ? { max_headers_count: dice.pick([5, 200]) } : {}),
    ...(dice.chance(0.15)
      ? { headers_with_underscores_action: dice.pick(['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER']) }
      : {}),
  }
  return {
    codec_type: dice.pick(['AUTO', 'HTTP2']),
    http2_protocol_options: options,
    common_http_protocol_options: common,
    http_protocol_options: { enable_trailers: true },
    ...(dice.chance(0.05) ? { max_request_headers_kb: 96 } : {}),
  }
}

function request(dice: Dice, stream: number): Piece[] {
  const sizes = dice.chance(0.5) ? [] : dice.list(1, 3, () => dice.pick([0, 1, 5, 300, 16_384]))
  const ends = dice.chance(0.93)
  const last = dice.chance(0.2) ? trailers(dice) : undefined
  const method = sizes.length === 0 && last === undefined ? dice.pick(['GET', 'GET', 'HEAD', 'DELETE']) : 'POST'
  const length = sizes.reduce((sum, size) => sum + size, 0)
  const end = { end: true } as const
  const pieces: Piece[] = [
    {
      stream,
      fields: section(dice, stream, method, length),
      form: dice.pick(['add', 'plain', 'never'] as const),
      ...odd(dice),
      ...(ends && sizes.length === 0 && last === undefined ? end : {}),
    },
  ]
  for (const [i, data] of sizes.entries()) {
    const final = ends && i === sizes.length - 1 && last === undefined
    const room = data < 16_000 && dice.chance(0.12)
    pieces.push({ stream, data, ...(final ? end : {}), ...(room ? { pad: dice.int(0, 200) } : {}) })
  }
  if (last !== undefined) pieces.push({ stream, fields: last, form: 'plain', ...odd(dice), ...(ends ? end : {}) })
  if (dice.chance(0.1)) pieces.splice(dice.int(1, pieces.length), 0, { stream, reset: dice.pick([0, 2, 5, 7, 8, 99]) })
  return pieces
}

function odd(dice: Dice) {
  return {
    ...(dice.chance(0.15) ? { split: dice.list(1, 3, () => dice.int(0, 80)).sort((a, b) => a - b) } : {}),
    ...(dice.chance(0.1) ? { pad: dice.int(0, 9) } : {}),
    ...(dice.chance(0.1) ? { priority: dice.pick([0, 1, 3, 5]) } : {}),
  }
}

/** Streams side by side: each in its order, HEADERS by growing ids. */
function merged(dice: Dice, requests: readonly Piece[][]): Piece[] {
  if (dice.chance(0.5)) return requests.flat()
  const rest = requests.map((pieces) => [...pieces])
  const all: Piece[] = []
  let begun = 0
  while (rest.some((pieces) => pieces.length > 0)) {
    const ready = rest.filter((pieces, i) => pieces.length > 0 && i <= begun)
    const pieces = dice.pick(ready.length > 0 ? ready : rest.filter((one) => one.length > 0))
    begun = Math.max(begun, rest.indexOf(pieces) + 1)
    all.push(pieces.shift() as Piece)
  }
  return all
}

function other(dice: Dice): Piece {
  return dice.pick(OTHERS)
}

const text = (...bytes: number[]) => String.fromCharCode(...bytes)

const OTHERS: readonly Piece[] = [
  'rest',
  'rest',
  { stream: 1, reset: 8 },
  { stream: 3, reset: 5 },
  { stream: 99, reset: 8 },
  { stream: 0, reset: 8 },
  { stream: 0, window: 1 },
  { stream: 1, window: 1 },
  { stream: 0, window: 0 },
  { stream: 1, window: 0 },
  { stream: 3, window: 0 },
  { stream: 0, window: 2 ** 31 - 1 },
  { stream: 1, window: 2 ** 31 - 1 },
  { stream: 99, window: 1 },
  { settings: [] },
  { settings: [[raw.Setting.INITIAL_WINDOW_SIZE, 65_535]] },
  { settings: [[raw.Setting.INITIAL_WINDOW_SIZE, 2 ** 31]] },
  { settings: [[raw.Setting.HEADER_TABLE_SIZE, 0]] },
  { settings: [[raw.Setting.HEADER_TABLE_SIZE, 4096]] },
  { settings: [[raw.Setting.MAX_FRAME_SIZE, 1]] },
  { settings: [[raw.Setting.MAX_CONCURRENT_STREAMS, 0]] },
  { settings: [[raw.Setting.ENABLE_PUSH, 2]] },
  { settings: [[8, 1]] },
  { settings: [[0xffff, 1]] },
  { other: [raw.Type.SETTINGS, raw.ACK, 0, ''] },
  { other: [raw.Type.SETTINGS, raw.ACK, 0, text(0)] },
  { other: [raw.Type.SETTINGS, 0, 1, ''] },
  { other: [raw.Type.SETTINGS, 0, 0, '12345'] },
  { other: [raw.Type.PING, 0, 0, '12345678'] },
  { other: [raw.Type.PING, raw.ACK, 0, '12345678'] },
  { other: [raw.Type.PING, 0, 0, '123'] },
  { other: [raw.Type.PING, 0, 1, '12345678'] },
  { other: [raw.Type.GOAWAY, 0, 0, text(0, 0, 0, 0, 0, 0, 0, 0)] },
  { other: [raw.Type.GOAWAY, 0, 1, text(0, 0, 0, 0, 0, 0, 0, 0)] },
  { other: [raw.Type.PRIORITY, 0, 1, text(0, 0, 0, 0, 16)] },
  { other: [raw.Type.PRIORITY, 0, 9, text(0, 0, 0, 0, 16)] },
  { other: [raw.Type.PRIORITY, 0, 0, text(0, 0, 0, 0, 16)] },
  { other: [raw.Type.PUSH_PROMISE, raw.END_HEADERS, 1, text(0, 0, 0, 2)] },
  { other: [raw.Type.CONTINUATION, raw.END_HEADERS, 1, ''] },
  { other: [raw.Type.DATA, 0, 0, 'x'] },
  { other: [raw.Type.DATA, 0, 2, 'x'] },
  { other: [raw.Type.DATA, 0, 99, 'x'] },
  { other: [raw.Type.DATA, raw.PADDED, 1, text(9, 0)] },
  { other: [raw.Type.HEADERS, raw.END_HEADERS | raw.END_STREAM, 2, text(0x82, 0x86, 0x84)] },
  { other: [raw.Type.HEADERS, raw.END_HEADERS | raw.END_STREAM, 0, text(0x82, 0x86, 0x84)] },
  { other: [raw.Type.HEADERS, raw.END_HEADERS | raw.END_STREAM, 99, text(0xff, 0xff, 0xff, 0x7f)] },
  { other: [raw.Type.HEADERS, raw.END_STREAM, 99, text(0x82)] },
  { other: [0x42, 0, 1, 'unknown'] },
  { other: [0x42, 0xff, 0, ''] },
]
