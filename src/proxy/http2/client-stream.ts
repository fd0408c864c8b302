import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { ClusterStats } from '../cluster/endpoint-host.ts'
import { type UpstreamCallbacks, UpstreamFailure, type UpstreamStream } from '../cluster/upstream.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { Http2ClientConnection } from './client-connection.ts'
import { ErrorCode } from './error-code.ts'
import { Http2Stream } from './stream.ts'

/** Informational responses that one request may get; more is a peer that keeps us busy. */
const MAX_INFORMATIONAL = 8

/** Of the cluster. */
export type ResetCounts = Pick<
  ClusterStats,
  'resets' | 'resetsSent' | 'pendingFailures' | 'idleTimeouts' | 'closeAnnounced' | 'protocolErrors'
>

/** One request on an upstream connection. */
export class Http2ClientStream extends Http2Stream {
  #callbacks: UpstreamCallbacks | undefined
  #method = ''
  /** The request was an upgrade of HTTP/1.1, sent as an extended CONNECT (RFC 8441). */
  #upgrade: string
  readonly #counts: ResetCounts
  #informational = 0
  #begun = false
  /** Why the stream ended while its answer waited to be read. */
  #goneCode = 0
  #goneReason = ''

  constructor(
    connection: Http2ClientConnection,
    id: number,
    callbacks: UpstreamCallbacks,
    upgrade: string,
    counts: ResetCounts,
  ) {
    super(connection, id)
    this.#callbacks = callbacks
    this.#upgrade = upgrade
    this.#counts = counts
  }

  begin(headers: HeaderMap, endStream: boolean): void {
    this.#method = headers.get(':method') ?? ''
    this.connection.writeHeaders(this.id, headers, endStream)
    if (endStream) this.sentEnd()
  }

  sendData(data: BodyBuffer, end: boolean): void {
    this.sendBody(data, end)
  }

  sendTrailers(trailers: HeaderMap): void {
    this.sendEnd(trailers)
  }

  reset(): void {
    if (this.#callbacks !== undefined && !this.aborted) this.#counts.resetsSent.value++
    this.#callbacks = undefined
    this.discard()
    this.connection.abort(this, ErrorCode.Cancel)
  }

  pauseReading(): void {
    this.pause()
  }

  resumeReading(): void {
    this.resume()
    if (this.aborted && !this.holdsAll) this.gone(this.#goneCode, this.#goneReason)
  }

  // From the connection

  /** An answer that is whole before its request stays when its stream ends, which is how a server stops the request (RFC 9113 8.1). */
  protected override discard(): void {
    if (this.#callbacks === undefined || !this.holdsAll) super.discard()
  }

  /** The response has begun: trailers are what comes next. */
  get begun(): boolean {
    return this.#begun
  }

  override receiveData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (this.#begun) {
      super.receiveData(bytes, start, end, endStream)
      return
    }
    this.connection.consumed(end - start)
    this.connection.streamError(this, ErrorCode.ProtocolError, 'DATA before the headers of the response')
  }

  receiveHeaders(headers: HeaderMap, status: number, contentLength: number, end: boolean): void {
    if (status < 200) {
      if (end || ++this.#informational > MAX_INFORMATIONAL)
        this.connection.streamError(
          this,
          ErrorCode.ProtocolError,
          'informational response that ends the stream or one too many',
        )
      return
    }
    this.#begun = true
    // RFC 9110 8.6: it has none, and clients take it for a promise.
    if (status === 204) headers.remove('content-length')
    const noBody = this.#method === 'HEAD' || status === 204 || status === 304
    if (this.#upgrade !== '' && status === 200) {
      headers.put(':status', '101')
      headers.put('connection', 'upgrade')
      headers.set('upgrade', this.#upgrade)
    } else if (noBody) {
      // RFC 9113 8.1.1: with content it is malformed.
      this.expect(0)
    } else if (contentLength !== -1) {
      if (end && contentLength > 0) {
        this.connection.streamError(this, ErrorCode.ProtocolError, 'content-length and DATA disagree')
        return
      }
      this.expect(contentLength)
    }
    const callbacks = this.#callbacks
    if (end) {
      this.receivedEnd()
      this.#done()
    }
    callbacks?.onUpstreamHeaders(headers, end)
  }

  protected deliverData(data: BodyBuffer, end: boolean): void {
    const callbacks = this.#callbacks
    if (end) this.#done()
    callbacks?.onUpstreamData(data, end)
  }

  protected deliverTrailers(trailers: HeaderMap): void {
    const callbacks = this.#callbacks
    this.#done()
    callbacks?.onUpstreamTrailers(trailers)
  }

  deliverMetadata(map: MetadataMap): void {
    this.#callbacks?.onUpstreamMetadata?.(map)
  }

  protected onSendBlocked(): void {
    this.#callbacks?.onUpstreamBlocked()
  }

  protected onSendDrained(): void {
    this.#callbacks?.onUpstreamDrained()
  }

  gone(code: number, reason: string): void {
    if (this.holdsAll) {
      this.#goneCode = code
      this.#goneReason = reason
      return
    }
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    if (callbacks === undefined) return
    const refused = code === ErrorCode.RefusedStream
    // A connection that goes is no reset of a stream (Envoy's MultiplexedActiveClientBase::onStreamReset).
    if (reason === '' && !refused) this.#counts.resets.value++
    else if (code === ErrorCode.NoError) this.#counts.pendingFailures.value++
    else if (!refused) this.#counts.resetsSent.value++
    if (refused) callbacks.onUpstreamReset(UpstreamFailure.RefusedStream, 'refused stream')
    else if (reason === '') callbacks.onUpstreamReset(UpstreamFailure.RemoteReset, `RST_STREAM ${code}`)
    else if (code === ErrorCode.NoError) callbacks.onUpstreamReset(UpstreamFailure.ConnectionTermination, reason)
    else callbacks.onUpstreamReset(UpstreamFailure.ProtocolError, reason)
  }

  /** A response that came before its request was complete leaves the rest of that request to the one who sends it, who resets it. */
  #done(): void {
    if (this.localDone) this.#callbacks = undefined
  }
}

/** What the router gets: a place on a connection, that becomes a stream with its headers, since ids have to grow on the wire. */
export class Http2Upstream implements UpstreamStream {
  readonly #connection: Http2ClientConnection
  #callbacks: UpstreamCallbacks | undefined
  #stream: Http2ClientStream | undefined

  constructor(connection: Http2ClientConnection, callbacks: UpstreamCallbacks) {
    this.#connection = connection
    this.#callbacks = callbacks
  }

  get about(): UpstreamConnection {
    return this.#connection.about
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    const callbacks = this.#callbacks
    if (callbacks === undefined) return
    this.#callbacks = undefined
    this.#stream = this.#connection.open(callbacks, headers, endStream)
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    if (this.#stream === undefined) data.clear()
    else this.#stream.sendData(data, endStream)
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#stream?.sendTrailers(trailers)
  }

  sendMetadata(map: MetadataMap): void {
    this.#stream?.sendMetadata(map)
  }

  reset(): void {
    if (this.#stream !== undefined) this.#stream.reset()
    else if (this.#callbacks !== undefined) {
      this.#callbacks = undefined
      this.#connection.released()
    }
  }

  pauseReading(): void {
    this.#stream?.pauseReading()
  }

  resumeReading(): void {
    this.#stream?.resumeReading()
  }
}
