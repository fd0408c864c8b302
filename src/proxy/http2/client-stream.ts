import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { type UpstreamCallbacks, UpstreamFailure, type UpstreamStream } from '../cluster/upstream.ts'
import { toHttp2, toObject } from './headers.ts'

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_PROTOCOL_ERROR } =
  constants

/** The connection's side of a stream. */
export interface StreamOwner {
  readonly localAddress: string
  released(): void
}

/** One request on an HTTP/2 connection. */
export class Http2ClientStream implements UpstreamStream {
  readonly localAddress: string
  readonly #owner: StreamOwner
  readonly #session: ClientHttp2Session
  #callbacks: UpstreamCallbacks | undefined
  #stream: ClientHttp2Stream | undefined
  #trailers: HeaderMap | undefined
  #blocked = false
  #ended = false
  #released = false
  #begun = false

  constructor(owner: StreamOwner, session: ClientHttp2Session, callbacks: UpstreamCallbacks) {
    this.#owner = owner
    this.#session = session
    this.#callbacks = callbacks
    this.localAddress = owner.localAddress
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request(toHttp2(headers) as never, { endStream, waitForTrailers: !endStream })
    } catch (error) {
      const callbacks = this.#callbacks
      this.#callbacks = undefined
      this.#release()
      callbacks?.onUpstreamReset(UpstreamFailure.ProtocolError, (error as Error).message)
      return
    }
    this.#stream = stream
    stream.on('response', (_headers, flags, raw) => {
      const list = [...(raw as unknown as string[])]
      this.#begun = true
      const end = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
      if (end) this.#ended = true
      this.#callbacks?.onUpstreamHeaders(new HeaderMap(list), end)
    })
    stream.on('data', (chunk: Buffer) => {
      const data = new BodyBuffer()
      data.add(chunk)
      this.#callbacks?.onUpstreamData(data, false)
    })
    // Trailers are told as they arrive, which may be before the data in front of them has been read.
    let trailers: HeaderMap | undefined
    stream.on('trailers', (_trailers, _flags, raw) => {
      trailers = new HeaderMap([...(raw as unknown as string[])])
    })
    stream.on('end', () => {
      if (this.#ended || !this.#begun || stream.rstCode !== NGHTTP2_NO_ERROR) return
      this.#ended = true
      if (trailers === undefined) this.#callbacks?.onUpstreamData(new BodyBuffer(), true)
      else this.#callbacks?.onUpstreamTrailers(trailers)
    })
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers === undefined ? {} : toObject(this.#trailers)))
    stream.on('drain', () => {
      if (!this.#blocked) return
      this.#blocked = false
      this.#callbacks?.onUpstreamDrained()
    })
    stream.on('error', () => {})
    stream.on('close', () => this.#onClose(stream))
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    const stream = this.#stream
    if (stream === undefined || stream.destroyed || stream.closed) {
      data.clear()
      return
    }
    let room = true
    for (const chunk of data.chunks) room = stream.write(chunk)
    data.clear()
    if (endStream) stream.end()
    else if (!room && !this.#blocked) {
      this.#blocked = true
      this.#callbacks?.onUpstreamBlocked()
    }
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers
    this.#stream?.end()
  }

  reset(): void {
    this.#callbacks = undefined
    if (this.#stream === undefined) this.#release()
    else if (!this.#stream.destroyed) this.#stream.close(NGHTTP2_CANCEL)
  }

  pauseReading(): void {
    this.#stream?.pause()
  }

  resumeReading(): void {
    this.#stream?.resume()
  }

  #onClose(stream: ClientHttp2Stream): void {
    this.#release()
    const callbacks = this.#callbacks
    this.#callbacks = undefined
    if (this.#ended || callbacks === undefined) return
    const code = stream.rstCode
    if (code === NGHTTP2_REFUSED_STREAM) callbacks.onUpstreamReset(UpstreamFailure.RefusedStream, 'refused stream')
    else if (this.#session.destroyed)
      callbacks.onUpstreamReset(UpstreamFailure.ConnectionTermination, 'connection closed')
    else if (code === NGHTTP2_PROTOCOL_ERROR) callbacks.onUpstreamReset(UpstreamFailure.ProtocolError, 'protocol error')
    else callbacks.onUpstreamReset(UpstreamFailure.RemoteReset, `RST_STREAM ${code ?? ''}`)
  }

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#owner.released()
  }
}
