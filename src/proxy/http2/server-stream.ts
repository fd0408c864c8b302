import type { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { nowMs } from '../../base/read-clock.ts'
import type { ResponseEncoder } from '../http/codec.ts'
import type { HttpStream } from '../http/stream.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import type { MetadataMap } from '../metadata-map.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { ErrorCode } from './error-code.ts'
import type { Http2ServerConnection } from './server-connection.ts'
import { Http2Stream } from './stream.ts'

/** One request on a downstream connection. */
export class Http2ServerStream extends Http2Stream implements ResponseEncoder, TimeoutOwner {
  readonly startMono = nowMs()
  #http!: HttpStream
  #over = false
  /** RFC 8441: the filters see an upgrade of HTTP/1.1. */
  #upgrade = false
  #resetWhenSent = false
  /** Runs while an answer that is complete waits for the client to open its windows. */
  #flush: Timeout | undefined

  constructor(connection: Http2ServerConnection, id: number) {
    super(connection, id)
  }

  begin(http: HttpStream, headers: HeaderMap, contentLength: number, upgrade: boolean, end: boolean): void {
    this.#http = http
    this.#upgrade = upgrade
    if (end) this.receivedEnd()
    else if (contentLength !== -1) this.expect(contentLength)
    http.onRequestHeaders(headers, end)
  }

  /** The request cannot be taken; an answer can still be sent. */
  refuse(http: HttpStream, headers: HeaderMap, status: number, details: string, end: boolean): void {
    this.#http = http
    if (end) this.receivedEnd()
    http.begin(headers)
    http.onCodecError(status, details)
  }

  /** What is malformed is no request (RFC 9113 8.1.1). It is told as one that was reset, by Envoy, too: who looks for it finds it in the log. */
  malformed(http: HttpStream, details: string): void {
    this.#http = http
    this.#over = true
    this.abort()
    http.begin(new HeaderMap())
    http.onDownstreamReset(ResponseFlag.DownstreamProtocolError, details)
  }

  // From the connection

  protected deliverData(data: BodyBuffer, end: boolean): void {
    this.#http.onRequestData(data, end)
  }

  protected deliverTrailers(trailers: HeaderMap): void {
    this.#http.onRequestTrailers(trailers)
  }

  deliverMetadata(map: MetadataMap): void {
    this.#http.onRequestMetadata(map)
  }

  protected onSendBlocked(): void {
    if (!this.#over) this.#http.onDownstreamBlocked()
  }

  protected onSendDrained(): void {
    if (!this.#over) this.#http.onDownstreamDrained()
  }

  gone(code: number, reason: string): void {
    if (this.#over) return
    this.#over = true
    if (reason === '') this.#clientReset(code)
    else if (code === ErrorCode.NoError)
      this.#http.onDownstreamReset(ResponseFlag.DownstreamConnectionTermination, 'downstream_remote_disconnect')
    else this.#http.onDownstreamReset(ResponseFlag.DownstreamProtocolError, 'http2.violation.of.messaging.rule')
  }

  /** A reset without an error is a client that has enough (RFC 9113 8.1); Envoy does not log it as one. */
  #clientReset(code: number): void {
    if (code === ErrorCode.NoError) this.#http.onDownstreamReset(0, '')
    else this.#http.onDownstreamReset(ResponseFlag.DownstreamRemoteReset, resetDetails(code))
  }

  // From the request's stream

  encode100Continue(): void {
    if (this.#sendable) this.connection.writeHeaders(this.id, new HeaderMap([':status', '100']), false)
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    if (!this.#sendable) return
    if (!this.remoteDone) this.#http.manager.stats.early.value++
    const status = headers.get(':status')
    // RFC 8441 5: what HTTP/1.1 says with 101 is 200 here.
    if (this.#upgrade && status === '101') headers.put(':status', '200')
    // RFC 9110 9.3.2, 15.3.5, 15.4.5: no content, even where a filter or a local reply has some.
    const end = endStream || this.#http.isHead || status === '204' || status === '304'
    // RFC 9110 8.6: nor its length, which clients take for a promise.
    if (status === '204') headers.remove('content-length')
    if (end) this.flushMetadata()
    this.connection.writeHeaders(this.id, headers, end)
    this.connection.guard.streams++
    if (end) this.sentEnd()
  }

  encodeData(data: BodyBuffer, endStream: boolean): void {
    this.sendBody(data, endStream)
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.sendEnd(trailers)
  }

  encodeMetadata(map: MetadataMap): void {
    this.sendMetadata(map)
  }

  continueWith(stream: HttpStream): void {
    this.#http = stream
  }

  reset(): void {
    this.#over = true
    // RFC 9113 8.5
    this.connection.abort(this, this.#http.tunnelBroke ? ErrorCode.ConnectError : ErrorCode.InternalError)
  }

  pauseReading(): void {
    this.pause()
  }

  resumeReading(): void {
    this.resume()
  }

  streamDone(): void {
    this.#over = true
    if (this.aborted) return
    // RFC 9113 8.1: an answer that is complete before its request ends the request with NO_ERROR.
    if (this.remoteDone) this.discard()
    else if (this.localDone) this.connection.abort(this, ErrorCode.NoError)
    else this.#resetWhenSent = true
    if (this.localDone) return
    this.#flush = new Timeout(this, 0)
    this.#flush.arm(this.#http.streamIdleTimeoutMs)
  }

  /** As Envoy's `stream_idle_timeout`, or clients that never read would have us keep answers for ever. */
  onTimeout(): void {
    this.connection.abort(this, ErrorCode.Cancel)
  }

  override abort(): void {
    this.#flush?.cancel()
    super.abort()
  }

  protected override sentEnd(): void {
    this.#flush?.cancel()
    super.sentEnd()
    if (this.#resetWhenSent) this.connection.abort(this, ErrorCode.NoError)
  }

  get #sendable(): boolean {
    return !this.aborted && !this.localDone
  }
}

function resetDetails(code: number): string {
  return code === ErrorCode.RefusedStream ? 'http2.remote_refuse' : 'http2.remote_reset'
}
