/** Reading the chunked transfer coding, RFC 9112 7.1. */

import type { HeaderMap } from '../../base/header-map.ts'
import { CodecError } from './codec-error.ts'
import { type HeadLimits, MessageHead } from './head.ts'

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILERS = 6
const DONE = 7

/**
 * Extensions have no meaning for a proxy and are dropped (RFC 9112 7.1.1); a peer that sends more of them than this in one
 * message wastes our time on purpose.
 */
const MAX_EXTENSION_BYTES = 16 * 1024

/** Takes what is between the sizes. */
interface ChunkSink {
  onBodyData(buffer: Buffer, start: number, end: number): void
}

/** One decoder per connection; `reset` before each message. */
export class ChunkedDecoder {
  #state = SIZE
  #size = 0
  #digits = 0
  #left = 0
  #extension = 0
  #extensionOpen = false
  #trailerText = ''
  #limits: HeadLimits | undefined
  trailers: HeaderMap | undefined

  /** Bytes of the present chunk that are still to come. */
  get left(): number {
    return this.#state === DATA ? this.#left : 0
  }

  /** The last chunk has been read, what follows it not yet. */
  get inTrailers(): boolean {
    return this.#state === TRAILERS
  }

  get done(): boolean {
    return this.#state === DONE
  }

  reset(limits: HeadLimits): void {
    this.#state = SIZE
    this.#size = 0
    this.#digits = 0
    this.#extension = 0
    this.#extensionOpen = false
    this.#trailerText = ''
    this.#limits = limits
    this.trailers = undefined
  }

  /** Consumes from `start`; returns the offset after what belonged to the body, which is the end unless `done`. */
  feed(buffer: Buffer, start: number, sink: ChunkSink): number {
    let at = start
    const end = buffer.length
    while (at < end) {
      switch (this.#state) {
        case SIZE: {
          const digit = hexDigit(buffer[at])
          if (digit !== -1) {
            // Below 2^52. Some pad sizes to 64 bits; but leading zeros count, or a peer could send them for ever.
            if (++this.#digits > 16 || this.#size >= 2 ** 48)
              throw new CodecError('http1.codec_error', 'chunk size too large')
            this.#size = this.#size * 16 + digit
            at++
            break
          }
          if (this.#digits === 0) throw new CodecError('http1.codec_error', 'invalid chunk size')
          this.#state = EXTENSION
          break
        }
        case EXTENSION:
          at = this.#skipExtension(buffer, at)
          break
        case SIZE_LF:
          if (buffer[at++] !== 10) throw new CodecError('http1.codec_error', 'bare CR after a chunk size')
          this.#left = this.#size
          this.#state = this.#size === 0 ? TRAILERS : DATA
          break
        case DATA: {
          const part = Math.min(this.#left, end - at)
          sink.onBodyData(buffer, at, at + part)
          at += part
          this.#left -= part
          if (this.#left === 0) this.#state = DATA_CR
          break
        }
        case DATA_CR:
          if (buffer[at++] !== 13) throw new CodecError('http1.codec_error', 'chunk data longer than its size')
          this.#state = DATA_LF
          break
        case DATA_LF:
          if (buffer[at++] !== 10) throw new CodecError('http1.codec_error', 'bare CR after chunk data')
          this.#state = SIZE
          this.#size = 0
          this.#digits = 0
          break
        case TRAILERS:
          at = this.#readTrailers(buffer, at)
          break
        default:
          return at
      }
    }
    return at
  }

  #skipExtension(buffer: Buffer, start: number): number {
    let at = start
    while (at < buffer.length) {
      const byte = buffer[at++]
      if (byte === 13) {
        this.#extensionOpen = false
        this.#state = SIZE_LF
        return at
      }
      // RFC 9112 7.1.1: extensions begin with a semicolon, before which bad white space may stand.
      if (byte === 59) this.#extensionOpen = true
      else if (!this.#extensionOpen && byte !== 32 && byte !== 9)
        throw new CodecError('http1.codec_error', 'invalid chunk size')
      if ((byte < 32 && byte !== 9) || byte === 127) {
        throw new CodecError('http1.codec_error', 'control character in a chunk extension')
      }
      if (++this.#extension > MAX_EXTENSION_BYTES)
        throw new CodecError('http1.codec_error', 'chunk extensions too long')
    }
    return at
  }

  #readTrailers(buffer: Buffer, start: number): number {
    const before = this.#trailerText.length
    const text = this.#trailerText + buffer.latin1Slice(start)
    let end: number
    if (text.startsWith('\r\n')) end = 0
    else {
      const found = text.indexOf('\r\n\r\n', Math.max(0, before - 3))
      end = found === -1 ? -1 : found + 2
    }
    const limits = this.#limits as HeadLimits
    if ((end === -1 ? text.length : end) > limits.maxBytes)
      throw new CodecError('http1.trailers_too_large', 'trailers too large', 431)
    if (end === -1) {
      this.#trailerText = text
      return buffer.length
    }
    if (end > 0) this.trailers = MessageHead.parseTrailers(text.substring(0, end), limits)
    this.#state = DONE
    return start + end + 2 - before
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
