/** Frames as bytes, also such as no codec would write (RFC 9113 4.1, 6). */
import { type Field, block as fieldsBlock } from './hpack.ts'

export const Type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8
export const PRIORITY = 32

/** RFC 9113 6.5.2. */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const

/** RFC 9113 7. */
export const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const

export type Code = (typeof CODES)[number]

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** Any frame. `length` may lie about the payload. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer | string = '',
  length?: number,
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
  const head = Buffer.alloc(9)
  head.writeUIntBE(length ?? body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream >>> 0, 5)
  return Buffer.concat([head, body])
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4)
  return bytes
}

export function data(stream: number, payload: Buffer | string, flags = 0): Buffer {
  return frame(Type.DATA, flags, stream, payload)
}

/** A whole header block in one frame. */
export function headers(stream: number, block: Buffer | readonly Field[], flags = END_STREAM): Buffer {
  return frame(Type.HEADERS, flags | END_HEADERS, stream, bytesOf(block))
}

/** The first part of a header block. */
export function openHeaders(stream: number, block: Buffer | readonly Field[], flags = END_STREAM): Buffer {
  return frame(Type.HEADERS, flags, stream, bytesOf(block))
}

export function continuation(stream: number, block: Buffer | readonly Field[], flags: number = END_HEADERS): Buffer {
  return frame(Type.CONTINUATION, flags, stream, bytesOf(block))
}

/** The five bytes of a priority (RFC 9113 5.3.2: deprecated, and still to be read). */
export function priority(dependency: number, weight = 15, exclusive = false): Buffer {
  return Buffer.concat([u32(exclusive ? dependency + 2 ** 31 : dependency), Buffer.from([weight])])
}

export function rst(stream: number, code: number): Buffer {
  return frame(Type.RST_STREAM, 0, stream, u32(code))
}

export function settings(values: readonly (readonly [id: number, value: number])[], flags = 0, stream = 0): Buffer {
  const body = Buffer.alloc(values.length * 6)
  for (const [i, [id, value]] of values.entries()) {
    body.writeUInt16BE(id, i * 6)
    body.writeUInt32BE(value >>> 0, i * 6 + 2)
  }
  return frame(Type.SETTINGS, flags, stream, body)
}

export const SETTINGS_ACK = settings([], ACK)

export function ping(payload = '12345678', flags = 0, stream = 0): Buffer {
  return frame(Type.PING, flags, stream, payload)
}

export function goaway(last: number, code: number, stream = 0): Buffer {
  return frame(Type.GOAWAY, 0, stream, u32(last, code))
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(Type.WINDOW_UPDATE, 0, stream, u32(increment))
}

export function pushPromise(stream: number, promised: number, block: Buffer | readonly Field[]): Buffer {
  return frame(Type.PUSH_PROMISE, END_HEADERS, stream, Buffer.concat([u32(promised), bytesOf(block)]))
}

function bytesOf(block: Buffer | readonly Field[]): Buffer {
  return Buffer.isBuffer(block) ? block : fieldsBlock(block)
}

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** Cuts what arrives into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  read(chunk: Buffer): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const frames: Frame[] = []
    let at = 0
    while (bytes.length - at >= 9) {
      const end = at + 9 + bytes.readUIntBE(at, 3)
      if (bytes.length < end) break
      const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff
      frames.push({ type: bytes[at + 3], flags: bytes[at + 4], stream, payload: bytes.subarray(at + 9, end) })
      at = end
    }
    this.#rest = bytes.subarray(at)
    return frames
  }
}
