import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { ConnectionManager } from '../http/connection-manager.ts'
import { type ProtocolStats, speaks } from '../http/http-stats.ts'
import type { ConnectionOwner } from '../http1/server-connection.ts'
import { type IdleOwner, IdleTimer } from '../idle-timer.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { DelayedClose, slowReaderMs } from '../network/delayed-close.ts'
import { readInto } from '../network/direct-socket.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { Http2Connection } from './connection.ts'
import { ErrorCode, type Http2Error, protocolError } from './error-code.ts'
import { FrameType, MAX_WINDOW, PREFACE } from './frame.ts'
import { BlockKind } from './header-block.ts'
import { Keepalive } from './keepalive.ts'
import { Http2ServerStream } from './server-stream.ts'
import { Setting } from './settings.ts'

const HEAD = 1
const LIFETIME = 2
const DRAIN = 3

/** One downstream HTTP/2 connection (RFC 9113). */
export class Http2ServerConnection extends Http2Connection<Http2ServerStream> implements TimeoutOwner, IdleOwner {
  readonly #info: ConnectionInfo
  readonly #owner: ConnectionOwner
  readonly #idle: IdleTimer
  readonly #headTimeout = new Timeout(this, HEAD)
  readonly #lifetime = new Timeout(this, LIFETIME)
  readonly #drainTimeout = new Timeout(this, DRAIN)
  readonly #keepalive: Keepalive | undefined
  #manager: ConnectionManager
  /** Where it counts, whatever manager its requests have later. */
  #counts: ProtocolStats | undefined
  #preface = 0
  #last = 0
  /** Ids that the client left out, in front of the last one it used (RFC 9113 5.1.1). */
  #skippedFrom = 0
  #skippedTo = 0
  #requests = 0
  #noticed = false
  /** The last stream that is still taken; -1: all are. */
  #final = -1
  #closed = false
  endedByPeer = false
  /** It ended in the middle of a request. */
  incomplete = false
  #delayedClose: DelayedClose | undefined

  constructor(socket: Socket, info: ConnectionInfo, owner: ConnectionOwner, manager: ConnectionManager) {
    const { http2, limits } = manager.options
    super(socket, http2, { maxBytes: limits.maxBytes, maxCount: limits.maxCount + 4 }, manager.stats.frames, true)
    this.#info = info
    this.#owner = owner
    this.#manager = manager
    this.#idle = new IdleTimer(this, manager.options.idleTimeoutMs)
    this.#lifetime.arm(manager.options.maxConnectionDurationMs)
    this.#headTimeout.arm(manager.options.requestHeadersTimeoutMs)
    this.#keepalive =
      http2.keepaliveMs > 0 ? new Keepalive(this, http2.keepaliveMs, http2.keepaliveTimeoutMs) : undefined
    this.greet([
      [Setting.MaxConcurrentStreams, http2.maxStreams],
      [Setting.MaxHeaderListSize, limits.maxBytes],
      ...(http2.allowConnect ? ([[Setting.EnableConnectProtocol, 1]] as const) : []),
    ])
    socket.on('end', () => this.#onEnd())
    socket.on('error', () => {})
    socket.on('close', (failed) => this.#onClose(failed))
    socket.on('drain', () => this.drained())
    readInto(socket, this)
    // It was paused while its protocol was being found out.
    socket.resume()
  }

  get busy(): boolean {
    return this.streams.size > 0
  }

  onIdle(): void {
    this.#manager.stats.idleConnections.value++
    this.drain()
  }

  onTimeout(kind: number): void {
    const { stats } = this.#manager
    if (kind === LIFETIME) {
      stats.maxDurationReached.value++
      this.drain()
    } else if (kind === DRAIN) this.#goAway()
    else {
      stats.headTimeouts.value++
      this.fail(protocolError('header block took too long'))
    }
  }

  /**
   * RFC 9113 6.8: first a warning that leaves requests under way their place, and, when the client has had time to read it, the
   * last request that is answered.
   */
  drain(): void {
    if (this.#noticed || this.ended) return
    this.#noticed = true
    this.writeGoAway(MAX_WINDOW, ErrorCode.NoError, '')
    this.output.control(FrameType.Ping, 0, 0, 0, DRAIN)
    this.#drainTimeout.arm(Math.max(1, this.#manager.options.drainTimeoutMs))
  }

  destroy(): void {
    this.socket.destroy()
  }

  // From the socket

  protected onBytes(chunk: Buffer): void {
    if (this.ended) return
    this.#counts ??= speaks(this.#manager.stats.http2)
    let start = 0
    while (this.#preface < PREFACE.length && start < chunk.length) {
      if (chunk[start++] !== PREFACE[this.#preface++]) {
        this.fail(protocolError('invalid connection preface'))
        return
      }
    }
    if (start < chunk.length) this.read(chunk, start)
    if (this.ended) return
    this.#keepalive?.heard()
    const incomplete = this.#preface < PREFACE.length || this.reader.partial || this.inbound.inBlock
    if (!incomplete) this.#headTimeout.cancel()
    else if (!this.#headTimeout.armed) this.#headTimeout.arm(this.#manager.options.requestHeadersTimeoutMs)
  }

  #onEnd(): void {
    // As Envoy and as over HTTP/1.1: most clients that end have gone, and none that ended can open a window any more.
    this.endedByPeer = true
    this.incomplete = this.busy
    this.dropStreams(ErrorCode.NoError, 'downstream_remote_disconnect')
    this.#shut()
  }

  #onClose(failed: boolean): void {
    if (this.#closed) return
    this.#closed = true
    this.#idle.stop()
    this.#headTimeout.cancel()
    this.#delayedClose?.cancel()
    this.#lifetime.cancel()
    this.#drainTimeout.cancel()
    this.#keepalive?.stop()
    if (this.#counts !== undefined) this.#counts.active.value--
    if (failed) this.endedByPeer = true
    if (this.busy) this.incomplete = true
    this.dropStreams(ErrorCode.NoError, 'downstream_remote_disconnect')
    this.#owner.connectionClosed()
  }

  // From the frames

  protected get lastPeerStream(): number {
    return this.#final === -1 ? this.#last : this.#final
  }

  protected isIdle(stream: number): boolean {
    return (stream & 1) === 0 || stream > this.#last
  }

  onHeaderBlock(id: number, end: boolean, selfDependent: boolean, bytes: Buffer, start: number, stop: number): void {
    const stream = this.streams.get(id)
    if (stream !== undefined) this.#onTrailers(stream, end, bytes, start, stop)
    else if (id > this.#last && (id & 1) === 1) this.#onRequest(id, end, selfDependent, bytes, start, stop)
    else {
      // RFC 9113 5.1.1: a client's ids are odd and grow.
      if ((id & 1) === 0 || (id > this.#skippedFrom && id < this.#skippedTo)) throw protocolError('invalid stream id')
      this.decode(BlockKind.Ignored, bytes, start, stop)
      this.forClosed(id, 'HEADERS')
    }
  }

  #onRequest(id: number, end: boolean, selfDependent: boolean, bytes: Buffer, start: number, stop: number): void {
    if (this.#final !== -1) {
      // RFC 9113 6.8: behind GOAWAY nothing is looked at, but the state of both ends has to stay the same.
      this.#last = id
      this.writeReset(id, ErrorCode.RefusedStream)
      this.controlSent()
      this.decode(BlockKind.Ignored, bytes, start, stop)
      return
    }
    this.#skippedFrom = this.#last
    this.#skippedTo = id
    this.#last = id
    const { block } = this
    this.decode(BlockKind.Request, bytes, start, stop)
    // RFC 9110 9.3.6: what is tunnelled is no content.
    const tunnel = block.method === 'CONNECT' && block.protocol === ''
    const contentLength = tunnel ? -1 : block.contentLength
    if (block.error === undefined && end && contentLength > 0) block.error = 'content-length and DATA disagree'
    if (block.error === undefined && block.protocol !== '' && !this.options.allowConnect)
      block.error = ':protocol not allowed'
    if (selfDependent) block.error = 'stream depends on itself'
    const manager = this.#owner.manager()
    if (block.error !== undefined) {
      if (manager !== undefined) this.#malformed(manager, id)
      if (!this.options.streamErrors) throw protocolError(block.error)
      this.#refuse(id, ErrorCode.ProtocolError)
      return
    }
    if (manager === undefined || this.streams.size >= this.options.maxStreams) {
      this.#refuse(id, ErrorCode.RefusedStream)
      if (manager === undefined) this.drain()
      return
    }
    this.#manager = manager
    const stream = new Http2ServerStream(this, id)
    this.streams.add(stream)
    const headers = block.headers()
    if (tunnel && block.contentLength !== -1) headers.remove('content-length')
    const http = manager.newStream(stream, this.#info, 'HTTP/2')
    if (block.tooLarge) {
      stream.refuse(http, headers, 431, 'http2.too_many_headers', end)
      return
    }
    const upgrade = block.protocol !== ''
    if (upgrade) {
      // RFC 8441: filters and upstreams know the upgrade of HTTP/1.1.
      headers.put(':method', 'GET')
      headers.put('connection', 'upgrade')
      headers.put('upgrade', block.protocol)
    }
    const max = manager.options.maxRequestsPerConnection
    if (max > 0 && ++this.#requests >= max) {
      manager.stats.maxRequestsReached.value++
      this.drain()
    }
    stream.begin(http, headers, contentLength, upgrade, end)
  }

  #onTrailers(stream: Http2ServerStream, end: boolean, bytes: Buffer, start: number, stop: number): void {
    const { block } = this
    this.decode(BlockKind.Trailers, bytes, start, stop)
    if (stream.remoteDone) this.streamError(stream, ErrorCode.StreamClosed, 'HEADERS behind END_STREAM')
    else if (!end || block.error !== undefined || block.tooLarge) {
      const reason = block.error ?? 'trailers without END_STREAM or too large'
      if (!this.options.streamErrors) throw protocolError(reason)
      this.streamError(stream, ErrorCode.ProtocolError, reason)
    } else stream.receiveTrailers(block.headers())
  }

  #malformed(manager: ConnectionManager, id: number): void {
    const stream = new Http2ServerStream(this, id)
    const http = manager.newStream(stream, this.#info, 'HTTP/2')
    stream.malformed(http, this.block.invalidField ? 'http2.invalid.header.field' : 'http2.violation.of.messaging.rule')
  }

  #refuse(id: number, code: ErrorCode): void {
    this.writeReset(id, code)
    this.guard.streamClosed(true, 0)
  }

  protected onStreamGone(stream: Http2ServerStream, byPeer: boolean): void {
    if (this.ended) return
    if (this.streams.size === 0) {
      this.#idle.touch()
      if (this.#final !== -1) this.#finish()
      else if (this.#owner.draining) this.drain()
    }
    this.guard.streamClosed(byPeer, performance.now() - stream.startMono)
  }

  protected onPeerSettings(): void {}

  onGoAway(): void {
    // We open no streams, and the client's finish as they are.
  }

  onPingAck(bytes: Buffer, start: number): void {
    if (bytes[start + 7] === DRAIN) this.#goAway()
  }

  // The end

  #goAway(): void {
    if (this.#final !== -1 || this.ended) return
    this.#noticed = true
    this.#drainTimeout.cancel()
    this.#final = this.#last
    this.writeGoAway(this.#last, ErrorCode.NoError, '')
    if (this.streams.size === 0) this.#finish()
  }

  protected onConnectionError(error: Http2Error): void {
    if (error.code !== ErrorCode.NoError) this.#manager.stats.protocolErrors.value++
    this.#shut()
  }

  /** All is answered, and perhaps not yet read. */
  #finish(): void {
    this.#shut(slowReaderMs(this.#manager.options.streamIdleTimeoutMs))
  }

  /** Sends what is left, then waits a little for the client to read it and close; longer for what is no error. */
  #shut(readerMs = 0): void {
    this.ended = true
    this.reader.stop()
    this.output.flush()
    this.socket.end()
    this.socket.resume()
    this.#delayedClose ??= new DelayedClose(this.socket, this.#manager.options.delayedCloseMs, readerMs)
  }
}
