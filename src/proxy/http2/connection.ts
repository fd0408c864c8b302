import type { Socket } from 'node:net'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { IdTable } from '../../base/id-table.ts'
import type { MetadataMap } from '../metadata-map.ts'
import { CurrentRead } from '../network/current-read.ts'
import type { ReadSink } from '../network/direct-socket.ts'
import { beginRead, endRead } from '../network/end-of-turn.ts'
import { ErrorCode, Http2Error, protocolError } from './error-code.ts'
import { FloodGuard } from './flood-guard.ts'
import { DEFAULT_WINDOW, Flag, FRAME_HEADER, FrameType, MAX_WINDOW } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { type BlockKind, type BlockLimits, HeaderBlock } from './header-block.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import { Inbound, type InboundHandler } from './inbound.ts'
import { writeMetadata } from './metadata.ts'
import type { Http2Options } from './options.ts'
import { Http2Output, type OutputOwner } from './output.ts'
import { PeerSettings, Setting, writeSettings } from './settings.ts'
import type { Http2Stats } from './stats.ts'
import type { Http2Stream } from './stream.ts'
import { writeFields } from './write-fields.ts'

/** Streams that we have reset, of which frames may still be under way (RFC 9113 5.1, closed). */
const MAX_RESET = 1024

/** One HTTP/2 connection, of either end: its settings, windows and streams, and how it ends. */
export abstract class Http2Connection<S extends Http2Stream = Http2Stream>
  implements InboundHandler, OutputOwner, ReadSink
{
  readonly socket: Socket
  readonly options: Http2Options
  readonly output: Http2Output
  readonly peer = new PeerSettings()
  sendWindow = DEFAULT_WINDOW
  protected readonly http2Stats: Http2Stats
  protected readonly streams = new IdTable<S>()
  protected readonly block: HeaderBlock
  readonly guard: FloodGuard
  protected readonly reader: FrameReader
  protected readonly inbound: Inbound
  /** Nothing that comes in is looked at any more. */
  protected ended = false
  readonly #server: boolean
  readonly #decoder: HpackDecoder
  readonly #encoder: HpackEncoder
  readonly #reset = new Set<number>()
  readonly #waiting = new Set<Http2Stream>()
  #receiveWindow: number
  #unacknowledged = 0
  /** The peer has acknowledged our SETTINGS, of which we send one frame. */
  #settled = false
  /** Whose DATA is being read; undefined: nobody's. */
  #dataStream: S | undefined
  #dataEnds = false

  constructor(socket: Socket, options: Http2Options, limits: BlockLimits, stats: Http2Stats, server: boolean) {
    this.socket = socket
    this.options = options
    this.#server = server
    this.http2Stats = stats
    this.#receiveWindow = options.connectionWindow
    this.output = new Http2Output(socket, this)
    this.#decoder = new HpackDecoder(options.tableSize)
    this.#encoder = new HpackEncoder(options.tableSize)
    this.block = new HeaderBlock(limits)
    this.guard = new FloodGuard(options)
    // Encoded fields may be a little longer than what they say.
    this.inbound = new Inbound(this, this.guard, limits.maxBytes * 2)
    this.reader = new FrameReader(this.inbound)
  }

  readonly currentRead = new CurrentRead()

  get wantsOwnBuffer(): boolean {
    return this.streams.size > 0
  }

  /** The highest stream that the peer may still have, for GOAWAY. */
  protected abstract readonly lastPeerStream: number
  protected abstract isIdle(stream: number): boolean
  abstract onHeaderBlock(
    stream: number,
    endStream: boolean,
    selfDependent: boolean,
    bytes: Buffer,
    start: number,
    end: number,
  ): void
  protected abstract onStreamGone(stream: S, byPeer: boolean): void
  protected abstract onConnectionError(error: Http2Error): void
  protected abstract onPeerSettings(): void
  abstract onGoAway(lastStream: number, code: number): void
  abstract onPingAck(bytes: Buffer, start: number): void

  /** What was read; of its bytes only `currentRead` keeps something. */
  protected abstract onBytes(chunk: Buffer): void

  // The socket's events

  onRead(chunk: Buffer, owned: boolean): void {
    this.currentRead.begin(chunk, owned)
    this.onBytes(chunk)
    this.currentRead.end()
  }

  /** Bytes from the socket, behind the connection preface. */
  protected read(chunk: Buffer, start: number): void {
    if (this.ended) return
    beginRead()
    try {
      this.reader.feed(chunk, start)
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error
      this.fail(error)
    } finally {
      endRead()
    }
  }

  protected drained(): void {
    this.output.drained()
    this.#pump()
  }

  onOutputBlocked(): void {
    // Streams keep what they have to send until the socket's drain event.
  }

  // Writing

  /** What each end has to say first (RFC 9113 3.4). */
  protected greet(settings: readonly (readonly [number, number])[]): void {
    const { streamWindow, connectionWindow, tableSize } = this.options
    writeSettings(this.output, [
      ...settings,
      [Setting.HeaderTableSize, tableSize],
      [Setting.InitialWindowSize, streamWindow],
    ])
    if (connectionWindow > DEFAULT_WINDOW)
      this.output.control(FrameType.WindowUpdate, 0, 0, connectionWindow - DEFAULT_WINDOW)
  }

  writeHeaders(stream: number, headers: HeaderMap, endStream: boolean): void {
    const { output } = this
    output.need(FRAME_HEADER)
    const start = output.at
    output.at += FRAME_HEADER
    writeFields(headers, this.#encoder, output)
    const length = output.at - start - FRAME_HEADER
    const end = endStream ? Flag.EndStream : 0
    const max = this.peer.maxFrameSize
    if (length <= max) output.headAt(start, length, FrameType.Headers, end | Flag.EndHeaders, stream)
    else {
      const block = Buffer.from(output.buffer.subarray(start + FRAME_HEADER, output.at))
      output.at = start
      output.need(length + FRAME_HEADER * Math.ceil(length / max))
      for (let at = 0; at < length; at += max) {
        const part = Math.min(max, length - at)
        const last = at + part === length ? Flag.EndHeaders : 0
        if (at === 0) output.head(part, FrameType.Headers, end | last, stream)
        else output.head(part, FrameType.Continuation, last, stream)
        output.bytes(block.subarray(at, at + part))
      }
    }
  }

  writeData(stream: Http2Stream, flags: number, data: BodyBuffer, size: number): void {
    stream.sendWindow -= size
    this.sendWindow -= size
    this.guard.dataFrames++
    this.output.data(stream.id, flags, data, size)
  }

  writeMetadata(stream: number, map: MetadataMap): void {
    writeMetadata(map, stream, this.peer.maxFrameSize, this.output)
  }

  waitToSend(stream: Http2Stream): void {
    this.#waiting.add(stream)
  }

  protected writeReset(stream: number, code: number): void {
    if (this.ended) return
    this.http2Stats.txReset.value++
    this.output.control(FrameType.RstStream, 0, stream, code)
    this.#reset.add(stream)
    if (this.#reset.size > MAX_RESET) for (const first of this.#reset) if (this.#reset.delete(first)) break
  }

  // Streams

  /** Both directions are done. */
  close(stream: Http2Stream): void {
    if (!this.streams.delete(stream.id)) return
    this.onStreamGone(stream as S, false)
  }

  /** Ends a stream from our side. */
  abort(stream: Http2Stream, code: number): void {
    if (stream.aborted) return
    stream.abort()
    this.#waiting.delete(stream)
    if (!this.streams.delete(stream.id)) return
    this.writeReset(stream.id, code)
    this.onStreamGone(stream as S, false)
  }

  /** Ends a stream because of what the peer did on it (RFC 9113 5.4.2). */
  streamError(stream: Http2Stream, code: ErrorCode, reason: string): void {
    if (stream.aborted) return
    stream.abort()
    this.#waiting.delete(stream)
    const open = this.streams.delete(stream.id)
    if (open) this.writeReset(stream.id, code)
    stream.gone(code, reason)
    if (open) this.onStreamGone(stream as S, true)
  }

  /** The peer has said that it will not look at this stream. */
  protected refused(stream: S): void {
    this.#drop(stream, ErrorCode.RefusedStream)
  }

  /** The connection is over: every stream hears of it. */
  protected dropStreams(code: number, reason: string): void {
    this.ended = true
    this.reader.stop()
    const all = this.streams.all()
    this.streams.clear()
    this.#waiting.clear()
    for (const stream of all) {
      stream.abort()
      this.onStreamGone(stream, false)
      stream.gone(code, reason)
    }
  }

  protected writeGoAway(lastStream: number, code: number, reason: string): void {
    this.http2Stats.goAwaySent.value++
    const text = Buffer.from(reason, 'latin1')
    const { output } = this
    output.need(FRAME_HEADER + 8 + text.length)
    output.head(8 + text.length, FrameType.GoAway, 0, 0)
    output.uint32(lastStream)
    output.uint32(code)
    output.bytes(text)
  }

  /** A connection error (RFC 9113 5.4.1). */
  protected fail(error: Http2Error): void {
    if (this.ended) return
    if (error.flood !== undefined) this.http2Stats.floods[error.flood].value++
    this.writeGoAway(this.lastPeerStream, error.code, error.message)
    this.output.flush()
    this.dropStreams(error.code, error.message)
    this.onConnectionError(error)
  }

  /** Whoever has taken `size` bytes of DATA says so. */
  consumed(size: number): void {
    this.#unacknowledged += size
    if (this.#unacknowledged < this.options.connectionWindow >> 1 || this.ended) return
    this.output.control(FrameType.WindowUpdate, 0, 0, this.#unacknowledged)
    this.#receiveWindow += this.#unacknowledged
    this.#unacknowledged = 0
  }

  // Frames

  protected decode(kind: BlockKind, bytes: Buffer, start: number, end: number): void {
    this.block.begin(kind)
    this.#decoder.decode(bytes, start, end, this.block)
    this.block.finish()
    if (this.block.error !== undefined) this.http2Stats.rxMessagingError.value++
    else if (this.block.tooLarge) this.http2Stats.headerOverflow.value++
  }

  onDataFrame(id: number, endStream: boolean, length: number, content: number): void {
    this.#receiveWindow -= length
    if (this.#receiveWindow < 0) throw new Http2Error(ErrorCode.FlowControlError, 'connection window exceeded')
    this.#dataEnds = endStream
    const stream = this.streams.get(id)
    this.#dataStream = undefined
    if (stream === undefined) this.forClosed(id, 'DATA')
    else if (stream.remoteDone) this.streamError(stream, ErrorCode.StreamClosed, 'DATA behind END_STREAM')
    else if (!stream.charge(length)) this.streamError(stream, ErrorCode.FlowControlError, 'stream window exceeded')
    else if (!stream.counts(content, endStream))
      this.streamError(stream, ErrorCode.ProtocolError, 'content-length and DATA disagree')
    else this.#dataStream = stream
  }

  onDataPiece(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#dataStream
    if (stream === undefined || stream.aborted) this.consumed(end - start)
    else stream.receiveData(bytes, start, end, last && this.#dataEnds)
  }

  onPadding(length: number): void {
    const stream = this.#dataStream
    if (stream === undefined || stream.aborted) this.consumed(length)
    else stream.skip(length)
  }

  /** A frame that only an open stream may get. What comes behind our RST_STREAM was sent before the peer knew. */
  protected forClosed(id: number, what: string): void {
    if (this.isIdle(id)) throw protocolError(`${what} on an idle stream`)
    if (!this.#reset.has(id)) throw new Http2Error(ErrorCode.StreamClosed, `${what} on a closed stream`)
  }

  onPriority(id: number, problem: ErrorCode): void {
    const stream = this.streams.get(id)
    if (stream !== undefined) this.streamError(stream, problem, 'invalid PRIORITY')
    else throw new Http2Error(problem, 'invalid PRIORITY')
  }

  onReset(id: number, code: number): void {
    if (this.isIdle(id)) throw protocolError('RST_STREAM on an idle stream')
    const stream = this.streams.get(id)
    // Of one that is over Envoy's codec does not hear.
    if (stream === undefined) return
    this.http2Stats.rxReset.value++
    this.#drop(stream, code)
  }

  onSettings(bytes: Buffer, start: number, end: number): void {
    const { peer } = this
    const before = peer.initialWindow
    peer.read(bytes, start, end, !this.#server)
    this.#encoder.peerLimit(peer.headerTableSize)
    this.output.control(FrameType.Settings, Flag.Ack, 0)
    this.controlSent()
    // RFC 9113 6.9.2
    const change = peer.initialWindow - before
    if (change !== 0) {
      for (const stream of this.streams.all()) {
        if (!stream.widen(change)) throw new Http2Error(ErrorCode.FlowControlError, 'stream window too large')
      }
      if (change > 0) for (const stream of this.streams.all()) stream.pump()
    }
    this.onPeerSettings()
  }

  onSettingsAck(): void {
    if (this.#settled) throw protocolError('acknowledgement of SETTINGS that were not sent')
    this.#settled = true
    this.#decoder.settled(this.options.tableSize)
  }

  onPing(bytes: Buffer, start: number): void {
    const { output } = this
    output.need(FRAME_HEADER + 8)
    output.head(8, FrameType.Ping, Flag.Ack, 0)
    output.bytes(bytes.subarray(start, start + 8))
    this.controlSent()
  }

  onMetadata(id: number, endMetadata: boolean, bytes: Buffer, start: number, end: number): void {
    // RFC 9113 5.5: an unknown type, unless it was asked for.
    if (!this.options.allowMetadata) return
    this.guard.received(FrameType.Metadata, 0, end - start)
    const stream = this.streams.get(id)
    // As Envoy: what belongs to no message is ignored too.
    if (stream === undefined || stream.remoteDone) return
    const map = stream.receiveMetadata(endMetadata, bytes, start, end)
    if (map === undefined) return
    if (map.size === 0) this.http2Stats.emptyMetadata.value++
    else stream.deliverMetadata(map)
  }

  onWindowUpdate(id: number, increment: number): void {
    if (id === 0) {
      if (increment === 0) throw protocolError('WINDOW_UPDATE of 0')
      this.sendWindow += increment
      if (this.sendWindow > MAX_WINDOW) throw new Http2Error(ErrorCode.FlowControlError, 'connection window too large')
      this.#pump()
      return
    }
    if (this.isIdle(id)) throw protocolError('WINDOW_UPDATE on an idle stream')
    const stream = this.streams.get(id)
    if (stream === undefined) return
    if (increment === 0) this.streamError(stream, ErrorCode.ProtocolError, 'WINDOW_UPDATE of 0')
    else if (!stream.widen(increment)) this.streamError(stream, ErrorCode.FlowControlError, 'stream window too large')
    else stream.pump()
  }

  #pump(): void {
    if (this.#waiting.size === 0 || this.output.blocked) return
    const all = [...this.#waiting]
    this.#waiting.clear()
    for (const stream of all) stream.pump()
  }

  #drop(stream: S, code: number): void {
    this.streams.delete(stream.id)
    this.#waiting.delete(stream)
    stream.abort()
    stream.gone(code, '')
    this.onStreamGone(stream, true)
  }

  /** A frame was written only because one came in: who sends without reading must not fill our queue with these. */
  protected controlSent(): void {
    const { output } = this
    output.controlFrames++
    this.guard.outbound(output.frames, output.controlFrames)
  }
}
