import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { ownCopy } from '../../base/own-memory.ts'
import { CurrentRead } from '../network/current-read.ts'
import { ChunkedDecoder } from './chunked.ts'
import { CodecError } from './codec-error.ts'
import { BodyKind, type HeadLimits, MessageHead } from './head.ts'
import { findEnd } from './header-lines.ts'
import { JoinedChunks } from './joined-chunks.ts'

const HEAD = 0
const LENGTH = 1
const CHUNKED = 2
/** Everything up to the end of the connection: a body without length, or an upgraded protocol. */
const RAW = 3
/** A message is complete and the next must not be looked at yet. */
const HELD = 4
const DEAD = 5

/** What each begins with, whatever its status (RFC 9112 4). */
const STATUS_LINE = 'HTTP/1.'

/** Less than this is cheaper to copy than to allocate a read buffer for. */
const LARGE = 32 * 1024

/** Splitting a byte stream into HTTP/1.1 messages; both sides of the proxy read with it. */
export abstract class Http1Reader {
  protected readonly head = new MessageHead()
  readonly #limits: HeadLimits
  readonly #requests: boolean
  /** Made with the first chunked body. */
  #chunked: ChunkedDecoder | undefined
  #joined: JoinedChunks | undefined
  #state = HEAD
  #left = 0
  /** Bytes that were read and not yet understood. */
  #rest: Buffer | undefined
  #searched = 0
  #feeding = false
  readonly currentRead = new CurrentRead()

  constructor(limits: HeadLimits, messages: 'requests' | 'responses') {
    this.#limits = limits
    this.#requests = messages === 'requests'
  }

  /** Reads the head, whose lines stand from `start` to `end`, hands it on, and returns how the body is framed. */
  protected abstract onHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): BodyKind
  protected abstract onBody(data: BodyBuffer, end: boolean): void
  protected abstract onTrailers(trailers: HeaderMap | undefined): void
  protected abstract onError(error: CodecError): void

  protected get readingRaw(): boolean {
    return this.#state === RAW
  }

  /** How many bytes wait behind a message that is being answered. */
  protected get heldBytes(): number {
    return this.#rest?.length ?? 0
  }

  protected get headStarted(): boolean {
    return this.#state === HEAD && this.#rest !== undefined
  }

  /** From the middle of a body that is larger than what comes in one read. */
  get wantsOwnBuffer(): boolean {
    return this.#state === LENGTH
      ? this.#left >= LARGE
      : this.#state === RAW || (this.#state === CHUNKED && (this.#chunked as ChunkedDecoder).left >= LARGE)
  }

  protected stopReading(): void {
    this.#state = DEAD
    this.#rest = undefined
  }

  /** The next message may be read. */
  protected nextMessage(): void {
    if (this.#state !== HELD) return
    this.#state = HEAD
    if (!this.#feeding && this.#rest !== undefined) {
      const rest = this.#rest
      this.#rest = undefined
      this.feed(rest, true)
    }
  }

  /** Reads on; `CurrentRead` says what `owned` means. */
  protected feed(chunk: Buffer, owned: boolean): void {
    if (this.#state === DEAD) return
    this.currentRead.begin(chunk, owned)
    const buffer = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    this.#feeding = true
    try {
      const at = this.#consume(buffer)
      if (at < buffer.length && (this.#state as number) !== DEAD) this.#rest = ownCopy(buffer.subarray(at))
    } catch (error) {
      // As in Envoy nobody gets what came with the error, but for a body that is complete: only its trailers are wrong.
      if (this.#chunked?.inTrailers === true) this.#handOnChunks()
      else this.#joined?.clear()
      // Whoever got the body may have closed the connection: then nobody waits for the rest of its message.
      const over = (this.#state as number) === DEAD
      this.stopReading()
      if (!(error instanceof CodecError)) throw error
      if (!over) this.onError(error)
    } finally {
      this.#feeding = false
      this.currentRead.end()
    }
  }

  #consume(buffer: Buffer): number {
    let at = 0
    const end = buffer.length
    while (at < end) {
      switch (this.#state) {
        case HEAD: {
          // RFC 9112 2.2: an empty line before a request line is skipped; a status line has none before it.
          if (this.#requests && buffer[at] === 13 && at + 1 < end && buffer[at + 1] === 10) {
            at += 2
            this.#searched = 0
            break
          }
          const found = findEnd(buffer, at + Math.max(0, this.#searched - 3), end)
          if ((found === -1 ? end : found) - at > this.#limits.maxBytes)
            throw new CodecError('http1.headers_too_large', 'headers too large', 431)
          if (found === -1) {
            this.#refuseEndless(buffer, at, end)
            this.#searched = end - at
            return at
          }
          this.#searched = 0
          const start = at
          at = found + 4
          this.#startBody(this.onHead(buffer, start, found + 2, this.#limits))
          break
        }
        case LENGTH: {
          const part = Math.min(this.#left, end - at)
          this.#left -= part
          const start = at
          at += part
          const last = this.#left === 0
          if (last) this.#state = HELD
          this.#handOn(buffer, start, at, last)
          break
        }
        case CHUNKED: {
          const chunked = this.#chunked as ChunkedDecoder
          at = chunked.feed(buffer, at, this)
          this.#handOnChunks()
          // Whoever got the data may have had enough.
          if (chunked.done && (this.#state as number) !== DEAD) {
            this.#state = HELD
            this.onTrailers(chunked.trailers)
          }
          break
        }
        case RAW: {
          const start = at
          at = end
          this.#handOn(buffer, start, end, false)
          break
        }
        default:
          return at
      }
    }
    return at
  }

  /** Refuses the beginning of a head that may never come to an empty line: nobody is to wait for that. */
  #refuseEndless(buffer: Buffer, at: number, end: number): void {
    // What is no HTTP, as TLS is not.
    if (this.#searched === 0 && buffer[at] <= 32 && buffer[at] !== 13)
      throw new CodecError('http1.codec_error', 'control character or space at the beginning of the head')
    const first = buffer.latin1Slice(at, Math.min(end, at + STATUS_LINE.length))
    if (!this.#requests && !STATUS_LINE.startsWith(first)) throw new CodecError('http1.codec_error', 'no status line')
    if (hasLoneLf(buffer, at + this.#searched, end))
      throw new CodecError('http1.codec_error', 'LF without CR in the head')
    if (this.#requests) this.#judgeFirstLine(buffer, at)
  }

  /** As Envoy as soon as it is over. */
  #judgeFirstLine(buffer: Buffer, at: number): void {
    const lf = buffer.indexOf(10, at)
    if (lf >= at + this.#searched) this.head.judgeRequestLine(buffer, at, this.#limits)
  }

  onBodyData(buffer: Buffer, start: number, end: number): void {
    const joined = this.#joined as JoinedChunks
    joined.add(buffer, start, end, this.currentRead.writable(buffer))
  }

  #handOnChunks(): void {
    const { buffer, start, end } = this.#joined as JoinedChunks
    this.#joined?.clear()
    if (end > start) this.#handOn(buffer, start, end, false)
  }

  #handOn(buffer: Buffer, start: number, end: number, last: boolean): void {
    const body = this.currentRead.body(buffer, start, end)
    this.onBody(body, last)
    this.currentRead.handedOn(body)
  }

  #startBody(kind: BodyKind): void {
    if (this.#state === DEAD) return
    switch (kind) {
      case BodyKind.None:
        // `onHead` has said that the message ended; it may have been answered, and the next asked for, already.
        break
      case BodyKind.Length:
        this.#state = LENGTH
        this.#left = this.head.contentLength
        break
      case BodyKind.Chunked:
        this.#state = CHUNKED
        this.#chunked ??= new ChunkedDecoder()
        this.#joined ??= new JoinedChunks()
        this.#chunked.reset(this.#limits)
        break
      default:
        this.#state = RAW
    }
  }

  /** To be called by `onHead` before it hands on a message without a body. */
  protected hold(): void {
    this.#state = HELD
  }
}

/** Whether an LF stands there without a CR before it (RFC 9112 2.2). */
function hasLoneLf(bytes: Buffer, start: number, end: number): boolean {
  let at = bytes.indexOf(10, start)
  while (at !== -1 && at < end && bytes[at - 1] === 13) at = bytes.indexOf(10, at + 1)
  return at !== -1 && at < end
}
