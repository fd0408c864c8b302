/** The bytes of what a client sends. */
import * as raw from '../../conformance/http2/frames.ts'
import { literal } from '../../conformance/http2/hpack.ts'
import type { HeadersPiece, Piece } from './trial.ts'

/** Of a frame (RFC 9113 4.2), with room for what stands in front. */
const MOST = 16_000

export function bytesOf(piece: Exclude<Piece, 'rest'>): Buffer {
  if ('fields' in piece) return headerFrames(piece)
  if ('data' in piece) {
    const { stream, data, end, pad } = piece
    const flags = (end === true ? raw.END_STREAM : 0) | (pad === undefined ? 0 : raw.PADDED)
    return raw.data(stream, padded(Buffer.alloc(data, 'x'), pad), flags)
  }
  if ('reset' in piece) return raw.rst(piece.stream, piece.reset)
  if ('window' in piece) return raw.windowUpdate(piece.stream, piece.window)
  if ('settings' in piece) return raw.settings(piece.settings)
  const [type, flags, stream, payload] = piece.other
  return raw.frame(type, flags, stream, payload)
}

function headerFrames({ stream, fields, form, end, split = [], pad, priority }: HeadersPiece): Buffer {
  const block = Buffer.concat(fields.map(([name, value]) => literal(form, name, value)))
  const forced = Array.from({ length: Math.floor(block.length / MOST) }, (_, i) => (i + 1) * MOST)
  const places = [0, ...split.filter((at) => at <= block.length), ...forced, block.length].sort((a, b) => a - b)
  const parts = places.slice(1).map((to, i) => block.subarray(places[i], to))
  const flags =
    (end === true ? raw.END_STREAM : 0) |
    (pad === undefined ? 0 : raw.PADDED) |
    (priority === undefined ? 0 : raw.PRIORITY)
  const first = priority === undefined ? parts[0] : Buffer.concat([raw.priority(priority), parts[0]])
  const last = (i: number) => (i === parts.length - 1 ? raw.END_HEADERS : 0)
  return Buffer.concat([
    raw.frame(raw.Type.HEADERS, flags | last(0), stream, padded(first, pad)),
    ...parts.slice(1).map((part, i) => raw.continuation(stream, part, last(i + 1))),
  ])
}

/** RFC 9113 6.1. */
function padded(payload: Buffer, pad: number | undefined): Buffer {
  return pad === undefined ? payload : Buffer.concat([Buffer.from([pad]), payload, Buffer.alloc(pad)])
}
