/** Answers of HTTP/2 upstreams: frames, most in their place. */
import * as raw from '../../conformance/http2/frames.ts'
import { block as fieldBlock } from '../../conformance/http2/hpack.ts'
import { Dice } from '../filters/dice.ts'
import type { Field, Request } from '../trial.ts'

export type Frame =
  | { readonly headers: readonly Field[]; readonly end?: true; readonly split?: number; readonly pad?: number }
  | { readonly data: number; readonly end?: true; readonly pad?: number }
  | { readonly reset: number }
  | { readonly goaway: number; readonly last: number }
  | { readonly windowUpdate: number; readonly stream: 0 | 1 }
  /** Anything else: type, flags, stream, payload. */
  | { readonly other: readonly [type: number, flags: number, stream: number, payload: string] }

export interface FramedAnswer {
  readonly request: Request
  /** On stream 1, the only one of its connection. */
  readonly frames: readonly Frame[]
  /** With a pause between the frames, so that each is read alone. */
  readonly slow: boolean
  readonly end: 'open' | 'end' | 'reset'
}

/** Those of one seed. */
export function generate(runs: number, seed: number): FramedAnswer[] {
  return Array.from({ length: runs }, (_, i) => answer(new Dice(seed * 100_019 + i)))
}

function answer(dice: Dice): FramedAnswer {
  const request: Request = {
    version: dice.pick(['1.1', '2', '2']),
    // What the upstream tells requests apart by is their body.
    method: 'POST',
    target: '/',
    headers: [['host', 'a.example'], ...(dice.chance(0.2) ? GRPC : [])],
  }
  return {
    request,
    frames: framesOf(dice),
    slow: dice.chance(0.4),
    end: dice.pick(['open', 'open', 'open', 'end', 'reset']),
  }
}

const GRPC: readonly Field[] = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
]

function framesOf(dice: Dice): Frame[] {
  const frames: Frame[] = []
  const end = { end: true } as const
  if (dice.chance(0.12))
    frames.push({ headers: [[':status', dice.pick(['100', '103', '102', '101'])]], ...(dice.chance(0.1) ? end : {}) })
  const lengths = dice.list(0, 3, () => dice.pick([0, 1, 5, 300, 20_000]))
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const trailers = dice.chance(0.3)
  const told = dice.chance(0.3)
    ? [['content-length', String(dice.chance(0.8) ? total : total + dice.pick([1, -1, 7]))] as const]
    : []
  const ends = dice.chance(0.93)
  frames.push({
    headers: [
      [':status', dice.chance(0.85) ? dice.pick(STATUS) : dice.pick(ODD_STATUS)],
      ...dice.list(0, 3, () => dice.pick(FIELDS)),
      ...told,
    ],
    ...(lengths.length === 0 && !trailers && ends ? end : {}),
    ...odd(dice),
  })
  for (const [i, data] of lengths.entries()) {
    const last = i === lengths.length - 1 && !trailers && ends
    frames.push({ data, ...(last ? end : {}), ...(dice.chance(0.1) ? { pad: dice.int(0, 20) } : {}) })
  }
  if (trailers) frames.push({ headers: dice.list(0, 2, () => dice.pick(TRAILERS)), ...(ends ? end : {}), ...odd(dice) })
  for (let i = dice.pick([0, 0, 0, 1, 1, 2]); i > 0; i--)
    frames.splice(dice.int(0, frames.length), 0, dice.pick(OTHERS))
  if (dice.chance(0.08)) frames.splice(dice.int(0, frames.length - 1), 1)
  return frames
}

function odd(dice: Dice) {
  return {
    ...(dice.chance(0.1) ? { split: dice.int(0, 20) } : {}),
    ...(dice.chance(0.1) ? { pad: dice.int(0, 9) } : {}),
  }
}

const STATUS = ['200', '200', '200', '404', '500', '204', '304', '206', '301', '503']
const ODD_STATUS = [
  '099',
  '99',
  '1000',
  '0',
  '600',
  '999',
  '2OO',
  '',
  ' 200',
  '+200',
  '100',
  '101',
  '103',
  '199',
  '205',
  '-1',
  '200 OK',
]

const FIELDS: readonly Field[] = [
  ['server', 'up'],
  ['date', 'Sun, 06 Nov 1994 08:49:37 GMT'],
  ['content-type', 'text/plain'],
  ['content-type', 'application/grpc'],
  ['x-a', '1'],
  ['x-a', '2'],
  ['x-empty', ''],
  ['set-cookie', 'a=b'],
  ['set-cookie', 'c=d'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['vary', 'a'],
  ['vary', 'b'],
  ['grpc-status', '3'],
  ['grpc-message', 'no%20'],
  ['te', 'trailers'],
  ['host', 'b'],
  ['x-envoy-upstream-canary', 'true'],
  ['x-envoy-degraded', 'true'],
  ['x-envoy-overloaded', 'true'],
  ['x-request-id', 'own'],
  ['trailer', 'x-end'],
  ['X-Upper', 'a'],
  ['x-sp ace', 'a'],
  ['', 'a'],
  ['x-a', ' a'],
  ['x-a', 'a '],
  ['x-a', '\ta'],
  ['x-a', 'a\rb'],
  ['x-a', 'a\nb'],
  ['x-a', 'a\0b'],
  ['x-a', '\x01'],
  ['x-a', '\x7f'],
  ['x-a', '\xe9'],
  ['x-\xe9', 'a'],
  ['x:y', 'a'],
  ['connection', 'close'],
  ['connection', 'x-a'],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'keep-alive'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'websocket'],
  [':status', '200'],
  [':status', '404'],
  [':path', '/'],
  [':unknown', 'a'],
  ['content-length', 'x'],
  ['content-length', '-1'],
  ['content-length', ''],
  ['content-length', '0'],
  ['content-length', '5'],
]

const TRAILERS: readonly Field[] = [
  ['grpc-status', '0'],
  ['grpc-status', '14'],
  ['grpc-message', 'gone'],
  ['x-end', '1'],
  ['x-end', '2'],
  ['content-length', '5'],
  [':status', '200'],
  ['connection', 'close'],
  ['te', 'trailers'],
  ['X-Upper', 'a'],
  ['x-a', 'a\0b'],
  ['host', 'a'],
]

const OTHERS: readonly Frame[] = [
  { reset: 0 },
  { reset: 0 },
  { reset: 2 },
  { reset: 7 },
  { reset: 8 },
  { reset: 11 },
  { reset: 99 },
  { goaway: 0, last: 1 },
  { goaway: 0, last: 0 },
  { goaway: 2, last: 1 },
  { goaway: 11, last: 0 },
  { windowUpdate: 1, stream: 0 },
  { windowUpdate: 1, stream: 1 },
  { windowUpdate: 0, stream: 1 },
  { windowUpdate: 2 ** 31 - 1, stream: 1 },
  { data: 5 },
  { data: 0 },
  { data: 0, end: true },
  { headers: [] },
  { headers: [], end: true },
  { headers: [['x-late', 'a']], end: true },
  { headers: [[':status', '200']] },
  { headers: [[':status', '103']] },
  { other: [raw.Type.PING, 0, 0, '12345678'] },
  { other: [raw.Type.PING, 0, 0, '123'] },
  { other: [raw.Type.PING, 0, 1, '12345678'] },
  { other: [raw.Type.SETTINGS, 0, 0, ''] },
  { other: [raw.Type.SETTINGS, 0, 1, ''] },
  { other: [raw.Type.PRIORITY, 0, 1, '\0\0\0\0\x10'] },
  { other: [raw.Type.PRIORITY, 0, 3, '\0\0\0\0\x10'] },
  { other: [raw.Type.PUSH_PROMISE, raw.END_HEADERS, 1, '\0\0\0\x02'] },
  { other: [raw.Type.CONTINUATION, raw.END_HEADERS, 1, ''] },
  { other: [raw.Type.DATA, 0, 3, 'x'] },
  { other: [raw.Type.DATA, 0, 2, 'x'] },
  { other: [raw.Type.HEADERS, raw.END_HEADERS, 3, '\x88'] },
  { other: [raw.Type.HEADERS, raw.END_HEADERS, 0, '\x88'] },
  { other: [raw.Type.RST_STREAM, 0, 3, '\0\0\0\0'] },
  { other: [0x42, 0, 1, 'unknown'] },
  { other: [0x42, 0xff, 0, ''] },
]

/** The bytes of a frame. */
export function bytesOf(frame: Frame): Buffer {
  if ('headers' in frame) return headerFrames(frame)
  if ('data' in frame) {
    const { data, pad } = frame
    const flags = (frame.end ? raw.END_STREAM : 0) | (pad === undefined ? 0 : raw.PADDED)
    return cut(data, 16_384).length < 2
      ? raw.data(1, padded(Buffer.alloc(data, 'x'), pad), flags)
      : Buffer.concat(
          cut(data, 16_000).map((length, i, all) =>
            raw.data(1, Buffer.alloc(length, 'x'), i === all.length - 1 && frame.end ? raw.END_STREAM : 0),
          ),
        )
  }
  if ('reset' in frame) return raw.rst(1, frame.reset)
  if ('goaway' in frame) return raw.goaway(frame.last, frame.goaway)
  if ('windowUpdate' in frame) return raw.windowUpdate(frame.stream, frame.windowUpdate)
  const [type, flags, stream, payload] = frame.other
  return raw.frame(type, flags, stream, payload)
}

function headerFrames(frame: Extract<Frame, { headers: unknown }>): Buffer {
  const block = fieldBlock(frame.headers)
  const flags = (frame.end ? raw.END_STREAM : 0) | (frame.pad === undefined ? 0 : raw.PADDED)
  if (frame.split === undefined)
    return raw.frame(raw.Type.HEADERS, flags | raw.END_HEADERS, 1, padded(block, frame.pad))
  const at = Math.min(frame.split, block.length)
  return Buffer.concat([
    raw.frame(raw.Type.HEADERS, flags, 1, padded(block.subarray(0, at), frame.pad)),
    raw.continuation(1, block.subarray(at)),
  ])
}

/** RFC 9113 6.1. */
function padded(payload: Buffer, pad: number | undefined): Buffer {
  return pad === undefined ? payload : Buffer.concat([Buffer.from([pad]), payload, Buffer.alloc(pad)])
}

function cut(length: number, most: number): number[] {
  const parts: number[] = []
  for (let left = length; left > 0; left -= most) parts.push(Math.min(left, most))
  return parts
}
