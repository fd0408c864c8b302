import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Entry } from '../../base/id-table.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { Http2Connection } from './connection.ts'
import { ErrorCode } from './error-code.ts'
import { Flag, FrameType, MAX_WINDOW } from './frame.ts'
import { MetadataReceiver } from './metadata.ts'

/** Both directions of one stream: what waits to be sent, what waits to be read, and the windows of each (RFC 9113 5). */
export abstract class Http2Stream implements Entry {
  readonly id: number
  /** The neighbour among the streams of the connection. */
  nextInTable: Entry | undefined
  /** We have sent END_STREAM; the peer has; one of the two has ended the stream before that. */
  localDone = false
  remoteDone = false
  aborted = false
  sendWindow: number
  protected readonly connection: Http2Connection
  /** What `content-length` has promised; -1: nothing. */
  #expected = -1
  #receiveWindow: number
  #unacknowledged = 0
  #queue: BodyBuffer | undefined
  #endQueued = false
  #trailersQueued: HeaderMap | undefined
  #metadataQueued: MetadataMap[] | undefined
  #metadata: MetadataReceiver | undefined
  #sendBlocked = false
  #paused = false
  #held: BodyBuffer | undefined
  #endHeld = false
  #trailersHeld: HeaderMap | undefined

  constructor(connection: Http2Connection, id: number) {
    this.connection = connection
    this.id = id
    this.sendWindow = connection.peer.initialWindow
    this.#receiveWindow = connection.options.streamWindow
  }

  // To the one that uses the stream

  protected abstract deliverData(data: BodyBuffer, end: boolean): void
  protected abstract deliverTrailers(trailers: HeaderMap): void
  abstract deliverMetadata(map: MetadataMap): void
  protected abstract onSendBlocked(): void
  protected abstract onSendDrained(): void
  /** The stream is over before its time: the peer or the connection ended it, or we because of what the peer did. */
  abstract gone(code: number, reason: string): void

  // Sending

  protected sendBody(data: BodyBuffer, end: boolean): void {
    if (this.localDone || this.aborted) {
      data.clear()
      return
    }
    if (this.#queue === undefined) {
      if (this.#write(data, end)) return
      this.#queue = new BodyBuffer()
      this.#wait()
    }
    this.#queue.move(data)
    if (end) this.#endQueued = true
    else if (this.#queue.length > this.connection.options.bufferLimit && !this.#sendBlocked) {
      this.#sendBlocked = true
      this.onSendBlocked()
    }
  }

  protected sendEnd(trailers: HeaderMap): void {
    if (this.localDone || this.aborted) return
    if (this.#queue === undefined) this.#writeTrailers(trailers)
    else this.#trailersQueued = trailers
  }

  /** No window holds METADATA back, but a socket that takes nothing does, or it would pile up from stream to stream. */
  sendMetadata(map: MetadataMap): void {
    const { connection } = this
    if (this.localDone || this.aborted || !connection.options.allowMetadata) return
    if (!connection.output.blocked && this.#metadataQueued === undefined) {
      connection.writeMetadata(this.id, map)
      return
    }
    this.#metadataQueued ??= []
    this.#metadataQueued.push(map)
    // The end of the message has to wait as well.
    this.#queue ??= new BodyBuffer()
    connection.waitToSend(this)
  }

  /** A window has opened, or the socket takes more. */
  pump(): void {
    const queue = this.#queue
    if (queue === undefined || this.aborted) return
    if (this.#metadataQueued !== undefined) {
      if (this.connection.output.blocked) {
        this.connection.waitToSend(this)
        return
      }
      this.flushMetadata()
    }
    const done = this.#write(queue, this.#endQueued)
    if (!done) this.#wait()
    else {
      this.#queue = undefined
      if (this.#trailersQueued !== undefined) this.#writeTrailers(this.#trailersQueued)
    }
    // Whoever produces it goes on where half of the limit is free, as in Envoy (WatermarkBuffer::setWatermarks).
    if (this.#sendBlocked && queue.length <= this.connection.options.bufferLimit >>> 1 && !this.aborted) {
      this.#sendBlocked = false
      this.onSendDrained()
    }
  }

  /** Before what ends the message at once, which waits for no socket. */
  protected flushMetadata(): void {
    if (this.#metadataQueued === undefined) return
    for (const map of this.#metadataQueued) this.connection.writeMetadata(this.id, map)
    this.#metadataQueued = undefined
  }

  /** False where that is more than a window may hold (RFC 9113 6.9.1). */
  widen(increment: number): boolean {
    this.sendWindow += increment
    return this.sendWindow <= MAX_WINDOW
  }

  protected sentEnd(): void {
    this.localDone = true
    if (this.remoteDone) this.connection.close(this)
  }

  #write(body: BodyBuffer, end: boolean): boolean {
    const { connection } = this
    if (body.length === 0) {
      if (end) {
        connection.writeData(this, Flag.EndStream, body, 0)
        this.sentEnd()
      }
      return true
    }
    while (body.length > 0) {
      const size = Math.min(body.length, this.sendWindow, connection.sendWindow, connection.peer.maxFrameSize)
      if (size <= 0 || connection.output.blocked) return false
      const last = end && size === body.length
      connection.writeData(this, last ? Flag.EndStream : 0, body, size)
      if (last) this.sentEnd()
    }
    return true
  }

  #writeTrailers(trailers: HeaderMap): void {
    this.#trailersQueued = undefined
    if (trailers.flat.length === 0) this.#write(new BodyBuffer(), true)
    else {
      this.connection.writeHeaders(this.id, trailers, true)
      this.sentEnd()
    }
  }

  #wait(): void {
    // Without a window of its own the stream waits for its WINDOW_UPDATE.
    if (this.sendWindow > 0) this.connection.waitToSend(this)
  }

  // Receiving

  protected expect(contentLength: number): void {
    this.#expected = contentLength
  }

  /** The head of a DATA frame; false where the peer has sent more than it may. */
  charge(length: number): boolean {
    this.#receiveWindow -= length
    return this.#receiveWindow >= 0
  }

  /** RFC 9113 8.1.1: false where a DATA frame makes the body longer than was announced, or ends it too early. */
  counts(content: number, endStream: boolean): boolean {
    if (this.#expected === -1) return true
    this.#expected -= content
    return endStream ? this.#expected === 0 : this.#expected >= 0
  }

  /** Padding, which nobody has to take. */
  skip(length: number): void {
    this.#consumed(length)
  }

  receiveData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const size = end - start
    const data = this.connection.currentRead.body(bytes, start, end)
    if (endStream) this.#remoteEnded()
    if (this.#paused || this.#held !== undefined) {
      this.#held ??= new BodyBuffer()
      this.#held.move(data)
      this.#endHeld = endStream
      return
    }
    if (size > 0) this.#consumed(size)
    else if (!endStream) return
    this.deliverData(data, endStream)
    this.connection.currentRead.handedOn(data)
  }

  receiveTrailers(trailers: HeaderMap): void {
    if (this.#expected > 0) {
      this.connection.streamError(this, ErrorCode.ProtocolError, 'content-length and DATA disagree')
      return
    }
    this.#remoteEnded()
    if (this.#held !== undefined) this.#trailersHeld = trailers
    else this.deliverTrailers(trailers)
  }

  /** HEADERS with END_STREAM. */
  protected receivedEnd(): void {
    this.#remoteEnded()
  }

  /** Not held back with the body: its own bound does for it. */
  receiveMetadata(endMetadata: boolean, bytes: Buffer, start: number, end: number): MetadataMap | undefined {
    this.#metadata ??= new MetadataReceiver()
    return this.#metadata.receive(endMetadata, bytes, start, end)
  }

  protected pause(): void {
    this.#paused = true
  }

  protected resume(): void {
    this.#paused = false
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    const size = held.length
    if (size > 0) this.#consumed(size)
    if (size > 0 || this.#endHeld) this.deliverData(held, this.#endHeld)
    const trailers = this.#trailersHeld
    this.#trailersHeld = undefined
    if (trailers !== undefined) this.deliverTrailers(trailers)
  }

  /** All that the peer had to say is here, and some of it has not been read. */
  protected get holdsAll(): boolean {
    return this.remoteDone && this.#held !== undefined
  }

  abort(): void {
    this.aborted = true
    this.discard()
    this.#queue = undefined
    this.#metadataQueued = undefined
  }

  /** What nobody takes any more counts as read for the connection, whose window the other streams need. */
  protected discard(): void {
    if (this.#held !== undefined) this.connection.consumed(this.#held.length)
    this.#held = undefined
    this.#trailersHeld = undefined
  }

  #remoteEnded(): void {
    this.remoteDone = true
    if (this.localDone) this.connection.close(this)
  }

  #consumed(size: number): void {
    const { connection } = this
    connection.consumed(size)
    if (this.remoteDone || this.aborted) return
    this.#unacknowledged += size
    if (this.#unacknowledged < connection.options.streamWindow >> 1) return
    connection.output.control(FrameType.WindowUpdate, 0, this.id, this.#unacknowledged)
    this.#receiveWindow += this.#unacknowledged
    this.#unacknowledged = 0
  }
}
