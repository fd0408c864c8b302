import { ownCopy } from '../../base/own-memory.ts'
import { ErrorCode, Http2Error } from './error-code.ts'
import { DEFAULT_FRAME_SIZE, Flag, FRAME_HEADER, FrameType, readUint31 } from './frame.ts'

/** Takes frames as they come. Nothing of them has been checked but their size. */
export interface FrameSink {
  /** A whole frame, its payload at `bytes[start, end)`. */
  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void
  /** The head of a DATA frame without padding, whose payload is handed on in the pieces in which it arrives. */
  onDataFrame(flags: number, stream: number, length: number): void
  /** Of the DATA frame whose head came before; `last`: the frame is complete with it. */
  onDataPiece(bytes: Buffer, start: number, end: number, last: boolean): void
}

/** Splitting a byte stream into frames. What of a frame's payload is there is looked at in place; only a frame cut in two is copied. */
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

  /** Of the bytes only what is handed on as DATA is looked at after the call. */
  feed(chunk: Buffer, start = 0): void {
    if (this.#stopped) return
    let at = this.#rest === undefined ? start : this.#complete(this.#rest, chunk, start)
    at = this.#consume(chunk, at)
    if (at < chunk.length && !this.#stopped) this.#rest = ownCopy(chunk.subarray(at))
  }

  /** The frame that was cut in two, or its head if that was. Returns where in `chunk` the next begins. */
  #complete(rest: Buffer, chunk: Buffer, start: number): number {
    let bytes = rest
    let at = start
    for (;;) {
      const whole = bytes.length < FRAME_HEADER ? FRAME_HEADER : FRAME_HEADER + lengthOf(bytes, 0)
      const stop = Math.min(chunk.length, at + whole - bytes.length)
      if (stop > at) bytes = Buffer.concat([bytes, chunk.subarray(at, stop)])
      at = stop
      if (bytes.length < whole) {
        this.#rest = ownCopy(bytes)
        return at
      }
      this.#rest = undefined
      if (this.#consume(bytes, 0) > 0 || this.#stopped) return at
    }
  }

  #consume(bytes: Buffer, start: number): number {
    const sink = this.#sink
    const end = bytes.length
    let at = start
    while (at < end && !this.#stopped) {
      if (this.#left > 0) {
        const stop = Math.min(end, at + this.#left)
        this.#left -= stop - at
        sink.onDataPiece(bytes, at, stop, this.#left === 0)
        at = stop
        continue
      }
      if (end - at < FRAME_HEADER) return at
      const length = lengthOf(bytes, at)
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
      const payload = at + FRAME_HEADER
      at = payload + length
      sink.onFrame(type, flags, stream, bytes, payload, at)
    }
    return at
  }
}

function lengthOf(bytes: Buffer, at: number): number {
  return (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
}
