import { ErrorCode, Http2Error, protocolError } from './error-code.ts'
import type { FloodGuard } from './flood-guard.ts'
import { Flag, FrameType, readUint31, readUint32 } from './frame.ts'
import type { FrameSink } from './frame-reader.ts'

/** Takes what is well formed; a frame that is not ends the connection before anybody hears of it. */
export interface InboundHandler {
  /** A whole header block. RFC 9113 5.3.2: priorities are ignored, but a stream that depends on itself is an error still. */
  onHeaderBlock(
    stream: number,
    endStream: boolean,
    selfDependent: boolean,
    bytes: Buffer,
    start: number,
    end: number,
  ): void
  /** `length` counts for flow control, `content` is what of it is no padding. */
  onDataFrame(stream: number, endStream: boolean, length: number, content: number): void
  /** Of the frame that `onDataFrame` told of; `last`: there is no more of it. */
  onDataPiece(bytes: Buffer, start: number, end: number, last: boolean): void
  /** Counts for the windows as content does (RFC 9113 6.1), and is gone as soon as it is here. */
  onPadding(length: number): void
  /** `problem`: what is wrong with the frame, which is an error of its stream. */
  onPriority(stream: number, problem: ErrorCode): void
  onReset(stream: number, code: number): void
  onSettings(bytes: Buffer, start: number, end: number): void
  onSettingsAck(): void
  onPing(bytes: Buffer, start: number): void
  onPingAck(bytes: Buffer, start: number): void
  onGoAway(lastStream: number, code: number): void
  /** `stream` 0 is the connection; `increment` may be 0, which is an error of the one or the other (RFC 9113 6.9). */
  onWindowUpdate(stream: number, increment: number): void
  onMetadata(stream: number, endMetadata: boolean, bytes: Buffer, start: number, end: number): void
}

/** What each frame may look like and where it may stand (RFC 9113 4, 6); what it means is the connection's affair. */
export class Inbound implements FrameSink {
  readonly #handler: InboundHandler
  readonly #guard: FloodGuard
  readonly #maxBlock: number
  #settled = false
  /** The stream whose header block is incomplete, and what there is of it. */
  #stream = 0
  #endStream = false
  #selfDependent = false
  #fragments: Buffer[] = []
  #size = 0

  /** `maxBlock` is how large an encoded header block may be. */
  constructor(handler: InboundHandler, guard: FloodGuard, maxBlock: number) {
    this.#handler = handler
    this.#guard = guard
    this.#maxBlock = maxBlock
  }

  get inBlock(): boolean {
    return this.#stream !== 0
  }

  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    // RFC 9113 3.4, 4.3
    if (!this.#settled) this.#first(type, flags)
    if (this.#stream !== 0 && (type !== FrameType.Continuation || stream !== this.#stream))
      throw protocolError('another frame inside a header block')
    const handler = this.#handler
    const length = end - start
    switch (type) {
      case FrameType.Data:
        this.#paddedData(flags, stream, bytes, start, end)
        break
      case FrameType.Headers:
        this.#headers(flags, stream, bytes, start, end)
        break
      case FrameType.Continuation:
        if (this.#stream === 0) throw protocolError('CONTINUATION without HEADERS')
        this.#guard.received(type, flags, length)
        this.#fragment(flags, bytes, start, end)
        break
      case FrameType.Priority: {
        if (stream === 0) throw protocolError('PRIORITY on stream 0')
        this.#guard.received(type, flags, length)
        if (length !== 5) handler.onPriority(stream, ErrorCode.FrameSizeError)
        else if (readUint31(bytes, start) === stream) handler.onPriority(stream, ErrorCode.ProtocolError)
        break
      }
      case FrameType.RstStream:
        if (stream === 0) throw protocolError('RST_STREAM on stream 0')
        exactly(4, length, 'RST_STREAM')
        handler.onReset(stream, readUint32(bytes, start))
        break
      case FrameType.Settings:
        if (stream !== 0) throw protocolError('SETTINGS on a stream')
        if ((flags & Flag.Ack) === 0) handler.onSettings(bytes, start, end)
        else {
          exactly(0, length, 'SETTINGS acknowledgement')
          handler.onSettingsAck()
        }
        break
      case FrameType.PushPromise:
        // RFC 9113 8.4: clients never push, and we have forbidden it to servers.
        throw protocolError('PUSH_PROMISE')
      case FrameType.Ping:
        if (stream !== 0) throw protocolError('PING on a stream')
        exactly(8, length, 'PING')
        if ((flags & Flag.Ack) === 0) handler.onPing(bytes, start)
        else handler.onPingAck(bytes, start)
        break
      case FrameType.GoAway:
        if (stream !== 0) throw protocolError('GOAWAY on a stream')
        if (length < 8) throw new Http2Error(ErrorCode.FrameSizeError, 'GOAWAY of invalid length')
        handler.onGoAway(readUint31(bytes, start), readUint32(bytes, start + 4))
        break
      case FrameType.WindowUpdate:
        exactly(4, length, 'WINDOW_UPDATE')
        this.#guard.received(type, flags, length)
        handler.onWindowUpdate(stream, readUint31(bytes, start))
        break
      case FrameType.Metadata:
        handler.onMetadata(stream, (flags & Flag.EndMetadata) !== 0, bytes, start, end)
        break
      default:
      // RFC 9113 5.5: unknown types are ignored.
    }
  }

  onDataFrame(flags: number, stream: number, length: number): void {
    this.#beforeData(stream)
    this.#guard.received(FrameType.Data, flags, length)
    this.#handler.onDataFrame(stream, (flags & Flag.EndStream) !== 0, length, length)
  }

  onDataPiece(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#handler.onDataPiece(bytes, start, end, last)
  }

  #first(type: number, flags: number): void {
    if (type !== FrameType.Settings || (flags & Flag.Ack) !== 0) throw protocolError('the first frame is not SETTINGS')
    this.#settled = true
  }

  #beforeData(stream: number): void {
    if (!this.#settled) this.#first(FrameType.Data, 0)
    if (this.#stream !== 0) throw protocolError('another frame inside a header block')
    if (stream === 0) throw protocolError('DATA on stream 0')
  }

  #paddedData(flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    this.#beforeData(stream)
    const from = start + 1
    const to = end - padding(bytes, start, end)
    this.#guard.received(FrameType.Data, flags, to - from)
    this.#handler.onDataFrame(stream, (flags & Flag.EndStream) !== 0, end - start, to - from)
    this.#handler.onPadding(end - start - (to - from))
    this.#handler.onDataPiece(bytes, from, to, true)
  }

  #headers(flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    if (stream === 0) throw protocolError('HEADERS on stream 0')
    let from = start
    let to = end
    if ((flags & Flag.Padded) !== 0) {
      to -= padding(bytes, start, end)
      from++
    }
    let selfDependent = false
    if ((flags & Flag.Priority) !== 0) {
      if (to - from < 5) throw new Http2Error(ErrorCode.FrameSizeError, 'HEADERS too short for its priority')
      selfDependent = readUint31(bytes, from) === stream
      from += 5
    }
    this.#guard.received(FrameType.Headers, flags, to - from)
    const endStream = (flags & Flag.EndStream) !== 0
    if ((flags & Flag.EndHeaders) !== 0) {
      this.#handler.onHeaderBlock(stream, endStream, selfDependent, bytes, from, to)
      return
    }
    this.#stream = stream
    this.#endStream = endStream
    this.#selfDependent = selfDependent
    this.#fragment(flags, bytes, from, to)
  }

  #fragment(flags: number, bytes: Buffer, start: number, end: number): void {
    this.#size += end - start
    if (this.#size > this.#maxBlock) throw new Http2Error(ErrorCode.EnhanceYourCalm, 'header block too large')
    // A copy: the block is to stay when the bytes it came in are not needed any more.
    this.#fragments.push(Buffer.from(bytes.subarray(start, end)))
    if ((flags & Flag.EndHeaders) === 0) return
    const block = Buffer.concat(this.#fragments, this.#size)
    const stream = this.#stream
    this.#stream = 0
    this.#size = 0
    this.#fragments = []
    this.#handler.onHeaderBlock(stream, this.#endStream, this.#selfDependent, block, 0, block.length)
  }
}

/** RFC 9113 6.1: padding that leaves nothing of its frame is an error. */
function padding(bytes: Buffer, start: number, end: number): number {
  if (start === end) throw new Http2Error(ErrorCode.FrameSizeError, 'padded frame without a length of padding')
  const length = bytes[start]
  if (length >= end - start) throw protocolError('more padding than frame')
  return length
}

function exactly(expected: number, length: number, what: string): void {
  if (length !== expected) throw new Http2Error(ErrorCode.FrameSizeError, `${what} of invalid length`)
}
