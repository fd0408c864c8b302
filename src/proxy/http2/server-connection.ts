/** One downstream HTTP/2 connection. Framing, HPACK and flow control are node:http2's; streams are like those of HTTP/1.1. */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { ResponseEncoder } from '../http/codec.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { HttpStream } from '../http/stream.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import type { ConnectionOwner } from '../http1/server-connection.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { joinCookies, toHttp2, toObject } from './headers.ts'

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants

const IDLE = 0
const LIFETIME = 1

/** Envoy's defaults are 2^31-1 streams and windows of 256 MiB: more than a peer may be trusted with. */
const MAX_STREAMS = 1024
const STREAM_WINDOW = 1 << 20
const CONNECTION_WINDOW = 16 << 20

export class Http2ServerConnection implements TimeoutOwner {
  readonly #socket: Socket
  readonly #info: ConnectionInfo
  readonly #owner: ConnectionOwner
  readonly #session: ServerHttp2Session
  readonly #streams = new Set<Http2ServerStream>()
  readonly #idle = new Timeout(this, IDLE)
  readonly #lifetime = new Timeout(this, LIFETIME)
  #manager: ConnectionManager
  #closed = false

  constructor(socket: Socket, info: ConnectionInfo, owner: ConnectionOwner, manager: ConnectionManager) {
    this.#socket = socket
    this.#info = info
    this.#owner = owner
    this.#manager = manager
    const { http2, limits } = manager.options
    this.#session = performServerHandshake(socket, {
      maxHeaderListPairs: limits.maxCount + 4,
      maxSendHeaderBlockLength: 1 << 20,
      settings: {
        enablePush: false,
        initialWindowSize: http2?.initialStreamWindowSize ?? STREAM_WINDOW,
        maxConcurrentStreams: http2?.maxConcurrentStreams ?? MAX_STREAMS,
        maxHeaderListSize: limits.maxBytes,
      },
    }) as ServerHttp2Session
    manager.stats.connections.value++
    manager.stats.activeConnections.value++
    this.#idle.arm(manager.options.idleTimeoutMs)
    this.#lifetime.arm(manager.options.maxConnectionDurationMs)
    const session = this.#session
    session.on('connect', () => session.setLocalWindowSize(http2?.initialConnectionWindowSize ?? CONNECTION_WINDOW))
    session.on('stream', (stream, _headers, flags, raw) => this.#onStream(stream, flags, raw as unknown as string[]))
    session.on('error', () => {
      this.#manager.stats.protocolErrors.value++
      socket.destroy()
    })
    session.on('close', () => this.#onClose())
    socket.on('error', () => {})
    socket.once('close', () => this.#onClose())
  }

  drain(): void {
    // RFC 9113 6.8: GOAWAY lets the streams under way finish.
    if (!this.#closed && !this.#session.destroyed) this.#session.close()
  }

  onTimeout(kind: number): void {
    if (kind === LIFETIME || this.#streams.size === 0) {
      if (kind === IDLE) this.#manager.stats.idleTimeouts.value++
      this.drain()
    }
  }

  streamClosed(stream: Http2ServerStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0 || this.#closed) return
    this.#idle.arm(this.#manager.options.idleTimeoutMs)
    if (this.#owner.draining) this.drain()
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: string[]): void {
    const manager = this.#owner.manager()
    if (manager === undefined) {
      stream.on('error', () => {})
      stream.close(NGHTTP2_REFUSED_STREAM)
      this.drain()
      return
    }
    this.#manager = manager
    this.#idle.cancel()
    const own = new Http2ServerStream(this, stream)
    this.#streams.add(own)
    own.begin(manager, this.#info, raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#idle.cancel()
    this.#lifetime.cancel()
    for (const stream of [...this.#streams]) stream.gone()
    this.#manager.stats.activeConnections.value--
    if (!this.#session.destroyed) this.#session.destroy()
    this.#socket.destroy()
    this.#owner.connectionClosed()
  }
}

class Http2ServerStream implements ResponseEncoder {
  readonly #connection: Http2ServerConnection
  readonly #stream: ServerHttp2Stream
  #http!: HttpStream
  #trailers: HeaderMap | undefined
  #requestEnded = false
  #over = false
  #blocked = false

  constructor(connection: Http2ServerConnection, stream: ServerHttp2Stream) {
    this.#connection = connection
    this.#stream = stream
  }

  begin(manager: ConnectionManager, info: ConnectionInfo, raw: readonly string[], end: boolean): void {
    const stream = this.#stream
    this.#requestEnded = end
    this.#http = manager.newStream(this, info, 'HTTP/2')
    stream.on('error', () => {})
    stream.on('aborted', () => this.gone())
    stream.on('close', () => this.gone())
    stream.on('drain', () => {
      if (!this.#blocked) return
      this.#blocked = false
      this.#http.onDownstreamDrained()
    })
    // Without trailers this ends the stream with an empty DATA frame.
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers === undefined ? {} : toObject(this.#trailers)))
    if (!end) {
      stream.on('data', (chunk: Buffer) => {
        const data = new BodyBuffer()
        data.add(chunk)
        this.#http.onRequestData(data, false)
      })
      // Trailers are told as they arrive, which may be before the data in front of them has been read.
      let trailers: HeaderMap | undefined
      stream.on('trailers', (_trailers, _flags, rawTrailers) => {
        trailers = new HeaderMap([...(rawTrailers as unknown as string[])])
      })
      stream.on('end', () => {
        if (this.#requestEnded || this.#over) return
        this.#requestEnded = true
        if (trailers === undefined) this.#http.onRequestData(new BodyBuffer(), true)
        else this.#http.onRequestTrailers(trailers)
      })
    }
    this.#http.onRequestHeaders(requestHeaders(raw), end)
  }

  /** The peer or the connection has given the stream up. */
  gone(): void {
    if (this.#over) return
    this.#over = true
    this.#connection.streamClosed(this)
    this.#http.onDownstreamReset(ResponseFlag.DownstreamConnectionTermination, 'http2.remote_reset')
  }

  encode100Continue(): void {
    this.#stream.additionalHeaders({ ':status': 100 })
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return
    stream.respond(toHttp2(headers) as never, { endStream, waitForTrailers: !endStream })
  }

  encodeData(data: BodyBuffer, endStream: boolean): void {
    const stream = this.#stream
    if (stream.destroyed || stream.closed) {
      data.clear()
      return
    }
    let room = true
    const { chunks } = data
    const last = endStream ? chunks.length - 1 : chunks.length
    for (let i = 0; i < last; i++) room = stream.write(chunks[i])
    if (endStream) stream.end(chunks[last])
    data.clear()
    if (!endStream && !room && !this.#blocked) {
      this.#blocked = true
      this.#http.onDownstreamBlocked()
    }
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers
    this.#stream.end()
  }

  reset(): void {
    if (!this.#stream.destroyed) this.#stream.close(NGHTTP2_INTERNAL_ERROR)
  }

  pauseReading(): void {
    this.#stream.pause()
  }

  resumeReading(): void {
    this.#stream.resume()
  }

  streamDone(): void {
    if (this.#over) return
    this.#over = true
    this.#connection.streamClosed(this)
    // RFC 9113 8.1: an answer that is complete before its request ends the request with NO_ERROR.
    if (!this.#requestEnded) {
      const stream = this.#stream
      if (stream.writableFinished) stream.close(NGHTTP2_NO_ERROR)
      else stream.once('finish', () => stream.close(NGHTTP2_NO_ERROR))
      stream.resume()
    }
  }
}

/** Pseudo headers first and in the order that the connection manager reads them in. */
function requestHeaders(raw: readonly string[]): HeaderMap {
  const flat = [':authority', '', ':path', '', ':method', '', ':scheme', '']
  let host: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]
    const value = raw[i + 1]
    switch (name) {
      case ':authority':
        flat[1] = value
        break
      case ':path':
        flat[3] = value
        break
      case ':method':
        flat[5] = value
        break
      case ':scheme':
        flat[7] = value
        break
      case 'host':
        host = value
        break
      default:
        flat.push(name, value)
    }
  }
  if (flat[1] === '' && host !== undefined) flat[1] = host
  joinCookies(flat)
  const headers = new HeaderMap(flat)
  // HTTP/1.1 is stricter about what may stand in a request line.
  headers.written = true
  return headers
}
