/** Splitting a byte stream into frames. What of a frame's payload is there is looked at in place; only a frame cut in two is copied. */
import { inOwnMemory } from '../../base/own-memory.ts'
import { ErrorCode, Http2Error } from './error-code.ts'
import { DEFAULT_FRAME_SIZE, Flag, FRAME_HEADER, FrameType, readUint31 } from './frame.ts'

export interface FrameSink {
  /** A whole frame, its payload at `bytes[start, end)`. */
  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void
  /** The head of a DATA frame without padding, whose payload is handed on in the pieces in which it arrives. */
  onDataFrame(flags: number, stream: number, length: number): void
  onDataPiece(bytes: Buffer, start: number, end: number, last: boolean): void
}

export class FrameReader {
  readonly #sink: FrameSink
  #rest: Buffer | undefined
  /** Of the DATA payload that is being read. */
  #left = 0
  #stopped = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** The head of a frame, or the payload of one that is no DATA, has begun and not ended. */
  get partial(): boolean {
    return this.#rest !== undefined
  }

  stop(): void {
    this.#stopped = true
    this.#rest = undefined
  }

  /** The bytes must stay unchanged for as long as somebody may hold body data. */
  feed(chunk: Buffer): void {
    if (this.#stopped) return
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    const at = this.#consume(bytes)
    if (at < bytes.length && !this.#stopped) this.#rest = inOwnMemory(bytes.subarray(at))
  }

  #consume(bytes: Buffer): number {
    const sink = this.#sink
    const end = bytes.length
    let at = 0
    while (at < end && !this.#stopped) {
      if (this.#left > 0) {
        const stop = Math.min(end, at + this.#left)
        this.#left -= stop - at
        sink.onDataPiece(bytes, at, stop, this.#left === 0)
        at = stop
        continue
      }
      if (end - at < FRAME_HEADER) return at
      const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
      if (length > DEFAULT_FRAME_SIZE) throw new Http2Error(ErrorCode.FrameSizeError, 'frame larger than allowed')
      const type = bytes[at + 3]
      const flags = bytes[at + 4]
      const stream = readUint31(bytes, at + 5)
      if (type === FrameType.Data && (flags & Flag.Padded) === 0) {
        at += FRAME_HEADER
        this.#left = length
        sink.onDataFrame(flags, stream, length)
        if (length === 0) sink.onDataPiece(bytes, at, at, true)
        continue
      }
      if (end - at < FRAME_HEADER + length) return at
      const start = at + FRAME_HEADER
      at = start + length
      sink.onFrame(type, flags, stream, bytes, start, at)
    }
    return at
  }
}
