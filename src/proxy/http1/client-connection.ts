import type { Socket } from 'node:net'
import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Entry } from '../../base/id-table.ts'
import type { LongestLife } from '../cluster/longest-life.ts'
import { upgradeOf } from '../cluster/upgrade.ts'
import { type UpstreamCallbacks, UpstreamFailure, type UpstreamStream } from '../cluster/upstream.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import type { IdleOwner, IdleTimer } from '../idle-timer.ts'
import { beginRead, endRead } from '../network/end-of-turn.ts'
import { CodecError } from './codec-error.ts'
import { BodyKind, type HeadLimits } from './head.ts'
import { type HeaderKeyFormat, spelt } from './header-key-format.ts'
import { Output, type OutputOwner } from './output.ts'
import { Http1Reader } from './reader.ts'
import { requestLines } from './serialize.ts'

const SPLITS_LINE = /[\0-\x20\x7f\u0100-\uffff]/

/** Informational responses that one request may get; more is a peer that keeps us busy. */
const MAX_INFORMATIONAL = 8

/** What all connections of a pool have in common. */
export interface ClientConnectionSettings {
  readonly limits: HeadLimits
  /** After so many it is closed; 0: never for that. */
  readonly maxRequestsPerConnection: number
  /** More than this waiting for the upstream: whoever sends it should stop. */
  readonly bufferLimit: number
  /** Else trailers go no further, either way. */
  readonly enableTrailers: boolean
  readonly headerKeyFormat?: HeaderKeyFormat | undefined
}

/** The pool's side of a connection. */
export interface ClientConnectionOwner {
  /** Ready for the next request. */
  connectionIdle(connection: Http1ClientConnection): void
  connectionClosed(connection: Http1ClientConnection): void
  /** It was not used for too long, and closes. */
  connectionExpired(): void
  /** The upstream has said that it closes. */
  closeAnnounced(): void
  /** What came is no HTTP. */
  protocolBroken(): void
}

let lastId = 0

/** One upstream HTTP/1.1 connection: carries one request at a time, then goes back to its pool. */
export class Http1ClientConnection extends Http1Reader implements UpstreamStream, OutputOwner, IdleOwner, Entry {
  readonly id = ++lastId
  nextInTable: Entry | undefined
  readonly socket: Socket
  readonly about: UpstreamConnection
  readonly #owner: ClientConnectionOwner
  readonly #output: Output
  readonly #settings: ClientConnectionSettings
  #callbacks: UpstreamCallbacks | undefined
  #method = ''
  #requests = 0
  #requestComplete = true
  #responseComplete = true
  #chunked = false
  #remaining = -1
  #informational = 0
  /** Asked for, and there. */
  #tunnel = false
  #tunnelOpen = false
  /**
   * What waits for a tunnel. An upstream that knows of none answers the request for it as any other, and would take what follows for
   * the next request, which no filter has seen.
   */
  #early: BodyBuffer | undefined
  #earlyEnd = false
  #closed = false
  /** Who ended it, once it is over. */
  endedByPeer = false
  idle: IdleTimer | undefined
  life: LongestLife | undefined
  /** Set by the pool: not to be used for another request. */
  retired = false

  constructor(
    socket: Socket,
    about: UpstreamConnection,
    settings: ClientConnectionSettings,
    owner: ClientConnectionOwner,
  ) {
    super(settings.limits, 'responses')
    this.socket = socket
    this.about = about
    this.#owner = owner
    this.#settings = settings
    this.#output = new Output(socket, this, settings.bufferLimit)
  }

  get busy(): boolean {
    return this.#callbacks !== undefined
  }

  /** In the middle of a request, which may be nobody's by now. */
  get incomplete(): boolean {
    return !this.#requestComplete || !this.#responseComplete
  }

  /** It has had all the requests that it may have. */
  get spent(): boolean {
    const max = this.#settings.maxRequestsPerConnection
    return max > 0 && this.#requests >= max
  }

  expire(): void {
    if (this.busy) this.retired = true
    else this.socket.destroy()
  }

  onIdle(): void {
    this.#owner.connectionExpired()
    this.socket.destroy()
  }

  /** Gives the connection to a request. */
  attach(callbacks: UpstreamCallbacks): void {
    this.#callbacks = callbacks
    this.#requests++
    this.#requestComplete = false
    this.#responseComplete = false
    this.#chunked = false
    this.#remaining = -1
    this.#informational = 0
    this.#tunnel = false
    this.#tunnelOpen = false
    this.#early = undefined
    this.#earlyEnd = false
    this.#output.unsent = true
  }

  // The pool's socket events

  onRead(chunk: Buffer, owned: boolean): void {
    if (this.#callbacks === undefined || this.#output.unsent) {
      // Nobody asked, or not yet: what comes could be taken for the answer to another request.
      this.socket.destroy()
      return
    }
    beginRead()
    try {
      this.feed(chunk, owned)
      if (this.#responseComplete) this.#settle()
    } finally {
      endRead()
    }
  }

  onEnd(): void {
    this.endedByPeer = true
    const callbacks = this.#callbacks
    if (callbacks !== undefined && !this.#responseComplete && this.readingRaw) {
      // RFC 9112 6.3, item 8: a response without length ends with the connection.
      this.#responseEnded()
      callbacks.onUpstreamData(new BodyBuffer(), true)
    }
    this.socket.destroy()
  }

  onSocketError(error: Error): void {
    this.endedByPeer = true
    this.onClose(error.message)
  }

  onClose(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    // Half a head is a wrong answer, nothing is none (Envoy: 502 and 503).
    const failure = this.headStarted ? UpstreamFailure.ProtocolError : UpstreamFailure.ConnectionTermination
    this.stopReading()
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    this.#owner.connectionClosed(this)
    callbacks?.onUpstreamReset(failure, reason)
  }

  onDrain(): void {
    if (!this.#output.blocked) return
    this.#output.blocked = false
    this.#callbacks?.onUpstreamDrained()
  }

  onOutputBlocked(): void {
    this.#callbacks?.onUpstreamBlocked()
  }

  // The request

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    const flat = headers.flat
    let authority = ''
    let path = ''
    let method = ''
    for (let i = 0; i < flat.length && flat[i].charCodeAt(0) === 58; i += 2) {
      const name = flat[i]
      if (name === ':authority') authority = flat[i + 1]
      else if (name === ':path') path = flat[i + 1]
      else if (name === ':method') method = flat[i + 1]
    }
    this.#method = method
    const upgrade = upgradeOf(headers) !== ''
    const writer = requestLines
    const lines = writer.write(headers, upgrade)
    // A filter may have written these; white space or a line end would make another request line or header of them.
    const unsafe =
      headers.written && (SPLITS_LINE.test(path) || SPLITS_LINE.test(authority) || SPLITS_LINE.test(method))
    if (method === '' || unsafe) {
      this.#fail(UpstreamFailure.ProtocolError, 'invalid request line')
      return
    }
    if (endStream && writer.contentLength > 0) {
      // A filter's doing: the upstream would take the beginning of the next request for the body.
      this.#fail(UpstreamFailure.ProtocolError, 'request body shorter than announced')
      return
    }
    let text = `${method} ${method === 'CONNECT' ? authority : path} HTTP/1.1\r\nhost: ${authority}\r\n${lines}`
    if (upgrade || method === 'CONNECT') this.#tunnel = true
    else if (writer.contentLength !== -1) this.#remaining = writer.contentLength
    else if (!endStream) {
      this.#chunked = true
      text += 'transfer-encoding: chunked\r\n'
    } else if (method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'OPTIONS') {
      // RFC 9110 8.6: methods that are meant to have content say when there is none.
      text += 'content-length: 0\r\n'
    }
    const spelling = headers.spelling ?? this.#settings.headerKeyFormat?.written
    if (spelling !== undefined) text = spelt(text, spelling)
    this.#output.text(`${text}\r\n`)
    if (endStream) this.#requestEnded()
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    const callbacks = this.#callbacks
    if (callbacks === undefined) return
    if (this.#tunnel && !this.#tunnelOpen) {
      this.#early ??= new BodyBuffer()
      const { bufferLimit } = this.#settings
      const enough = this.#early.length > bufferLimit
      this.#early.move(data)
      this.#earlyEnd = endStream
      if (!enough && this.#early.length > bufferLimit) callbacks.onUpstreamBlocked()
      return
    }
    if (this.#chunked) this.#output.chunk(data, endStream)
    else {
      if (this.#remaining !== -1) {
        this.#remaining -= data.length
        if (this.#remaining < 0) {
          this.#fail(UpstreamFailure.ProtocolError, 'request body longer than announced')
          return
        }
      }
      this.#output.body(data)
    }
    if (endStream) {
      if (this.#tunnel) {
        this.#output.flush()
        this.socket.end()
      }
      this.#requestEnded()
    }
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#callbacks === undefined) return
    if (this.#tunnel) {
      // It has none; what they end does end (StreamEncoderImpl::endEncode).
      this.sendData(new BodyBuffer(), true)
      return
    }
    if (this.#chunked) {
      const lines = this.#settings.enableTrailers ? requestLines.write(trailers, false) : ''
      this.#output.text(`0\r\n${lines}\r\n`)
    }
    this.#requestEnded()
  }

  reset(): void {
    this.#callbacks = undefined
    this.socket.destroy()
  }

  pauseReading(): void {
    if (this.#callbacks !== undefined) this.socket.pause()
  }

  resumeReading(): void {
    if (!this.#closed) this.socket.resume()
  }

  #requestEnded(): void {
    if (this.#remaining > 0) {
      this.#fail(UpstreamFailure.ProtocolError, 'request body shorter than announced')
      return
    }
    this.#requestComplete = true
    if (!this.#responseComplete || this.#callbacks === undefined) return
    this.#callbacks = undefined
    // Answered already, and perhaps the last on this connection.
    this.#output.flush()
    this.#settle()
  }

  #fail(failure: UpstreamFailure, reason: string): void {
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    this.socket.destroy()
    callbacks?.onUpstreamReset(failure, reason)
  }

  // The response

  protected onHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): BodyKind {
    const callbacks = this.#callbacks as UpstreamCallbacks
    const { head } = this
    head.parseResponse(bytes, start, end, this.#method, limits)
    const { headerKeyFormat } = this.#settings
    if (headerKeyFormat !== undefined) head.headers.spelling = headerKeyFormat.received?.(bytes, start, end)
    if (head.status < 200 && head.status !== 101) {
      if (++this.#informational > MAX_INFORMATIONAL)
        throw new CodecError('http1.codec_error', 'too many informational responses')
      return BodyKind.None
    }
    if (head.asksClose) this.#owner.closeAnnounced()
    // RFC 9110 15.2.2: without a protocol there is nothing to switch to, and CONNECT (9.3.6) asks for none.
    if (head.status === 101 && (head.upgrade === '' || !this.#tunnel || this.#method === 'CONNECT'))
      throw new CodecError('http1.codec_error', '101 that is no answer to an upgrade')
    const kind = head.bodyKind
    if (kind === BodyKind.None) {
      this.hold()
      this.#responseEnded()
      callbacks.onUpstreamHeaders(head.headers, true)
    } else callbacks.onUpstreamHeaders(head.headers, false)
    if (kind === BodyKind.Tunnel) this.#openTunnel()
    return kind
  }

  #openTunnel(): void {
    this.#tunnelOpen = true
    const early = this.#early
    if (early === undefined) return
    this.#early = undefined
    const enough = early.length > this.#settings.bufferLimit
    this.sendData(early, this.#earlyEnd)
    if (enough && !this.#output.blocked) this.#callbacks?.onUpstreamDrained()
  }

  protected onBody(body: BodyBuffer, end: boolean): void {
    const callbacks = this.#callbacks
    if (callbacks === undefined) return
    if (end) this.#responseEnded()
    callbacks.onUpstreamData(body, end)
  }

  protected onTrailers(trailers: HeaderMap | undefined): void {
    const callbacks = this.#callbacks
    if (callbacks === undefined) return
    this.#responseEnded()
    if (trailers !== undefined && this.#settings.enableTrailers) callbacks.onUpstreamTrailers(trailers)
    else callbacks.onUpstreamData(new BodyBuffer(), true)
  }

  protected onError(error: CodecError): void {
    this.#owner.protocolBroken()
    this.#fail(UpstreamFailure.ProtocolError, error.message)
  }

  /**
   * Before the end is handed on. A response that came before its request was complete leaves the rest of that request to the one
   * who sends it, who resets it.
   */
  #responseEnded(): void {
    this.#responseComplete = true
    if (this.#requestComplete) this.#callbacks = undefined
    else if (this.#earlyEnd) {
      // No tunnel, and nobody is left to reset what was to go through it.
      this.#callbacks = undefined
      this.retired = true
    }
  }

  /**
   * Back to the pool, after everything that was read has been looked at: bytes behind the response are nobody's, and on a
   * connection that is used again they would be taken for the next answer.
   */
  #settle(): void {
    if (this.#callbacks !== undefined || this.#closed || this.socket.destroyed) return
    if (!this.head.keepAlive || this.spent || this.retired || this.heldBytes > 0) {
      this.retired = true
      this.socket.destroy()
      return
    }
    // Paused for the sake of the last reader, who has all now.
    if (this.socket.isPaused()) this.socket.resume()
    this.head.release()
    this.nextMessage()
    this.#owner.connectionIdle(this)
  }
}
