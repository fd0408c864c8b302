import type { Socket } from 'node:net'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { ResponseEncoder } from '../http/codec.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import { type ProtocolStats, speaks } from '../http/http-stats.ts'
import type { HttpStream } from '../http/stream.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { type IdleOwner, IdleTimer } from '../idle-timer.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { DelayedClose, slowReaderMs } from '../network/delayed-close.ts'
import { DirectSocket, endReads, type ReadSink, readInto } from '../network/direct-socket.ts'
import { beginRead, endRead, type Flushable, flushAtEndOfTurn } from '../network/end-of-turn.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { CodecError } from './codec-error.ts'
import { BodyKind, type HeadLimits } from './head.ts'
import { spelt } from './header-key-format.ts'
import { Output, type OutputOwner } from './output.ts'
import { PrefaceWatch } from './preface-watch.ts'
import { Http1Reader } from './reader.ts'
import { responseLines, statusLine } from './serialize.ts'

const HEAD = 1
const LIFETIME = 2

/** Bytes of further requests that may wait while one is being answered. */
const MAX_PIPELINED = 64 * 1024

const CONNECTION = Symbol('connection')

const EMPTY_REQUEST = [':authority', '', ':path', '', ':method', '', ':scheme', 'http']

/** The listener's side of a connection. */
export interface ConnectionOwner {
  /** The connection manager for the next request; `undefined` when the connection no longer belongs to any filter chain. */
  manager(): ConnectionManager | undefined
  /** New requests should go elsewhere: say so with the next response. */
  readonly draining: boolean
  connectionClosed(): void
}

/** One downstream HTTP/1.1 connection. Requests are answered one after the other (RFC 9112 9.3.2 allows that for pipelining). */
export class Http1ServerConnection
  extends Http1Reader
  implements ResponseEncoder, OutputOwner, ReadSink, TimeoutOwner, IdleOwner, Flushable
{
  readonly #socket: Socket
  readonly #info: ConnectionInfo
  readonly #owner: ConnectionOwner
  readonly #output: Output
  readonly #idle: IdleTimer
  readonly #headTimeout = new Timeout(this, HEAD)
  #delayedClose: DelayedClose | undefined
  #lifetime: Timeout | undefined
  #manager: ConnectionManager
  /** Where it counts, whatever manager its requests have later. */
  #counts: ProtocolStats | undefined
  #stream: HttpStream | undefined
  #requests = 0
  #requestComplete = true
  #keepAlive = true
  #minor = 1
  #noBody = false
  #chunked = false
  #remaining = -1
  #tunnel = false
  #headersSent = false
  #responseComplete = false
  #closing = false
  #paused = false
  endedByPeer = false
  /** It ended in the middle of a request. */
  incomplete = false
  /** The client has said that no other request follows this one. */
  #last = false
  #expired = false
  /** The next request waits for the client to read the last answer. */
  #held = false
  /** Until it is known which protocol this is. */
  #preface: PrefaceWatch | undefined

  constructor(
    socket: Socket,
    info: ConnectionInfo,
    owner: ConnectionOwner,
    manager: ConnectionManager,
    onPreface: ((first: Buffer) => void) | undefined,
  ) {
    super(manager.options.limits, 'requests')
    if (onPreface !== undefined) this.#preface = new PrefaceWatch(onPreface)
    this.#socket = socket
    this.#info = info
    this.#owner = owner
    this.#manager = manager
    this.#output = new Output(socket, this)
    this.#idle = new IdleTimer(this, manager.options.idleTimeoutMs)
    if (manager.options.maxConnectionDurationMs > 0) {
      this.#lifetime = new Timeout(this, LIFETIME)
      this.#lifetime.arm(manager.options.maxConnectionDurationMs)
    }
    const served: ServedSocket = socket
    served[CONNECTION] = this
    served.on('end', onEnd).on('close', onClose).on('drain', onDrain)
    if (served.listenerCount('error') === 0) served.on('error', onError)
    readInto(socket, this)
  }

  /** Bytes that were read before the protocol was known. */
  start(first: Buffer | undefined): void {
    if (first !== undefined && first.length > 0) this.onRead(first, true)
  }

  /** No more requests: closes when idle, else after the response under way. */
  drain(): void {
    if (this.#stream === undefined) this.#close()
    else this.#keepAlive = false
  }

  destroy(): void {
    this.#socket.destroy()
  }

  get busy(): boolean {
    return this.#stream !== undefined
  }

  onIdle(): void {
    this.#manager.stats.idleConnections.value++
    this.#close()
  }

  onTimeout(kind: number): void {
    const { stats } = this.#manager
    if (kind === HEAD) {
      stats.headTimeouts.value++
      this.#refuse(requestHeadersTimeout())
    } else {
      stats.maxDurationReached.value++
      this.#expired = true
      this.drain()
    }
  }

  // Reading

  protected onHead(bytes: Buffer, start: number, end: number, limits: HeadLimits): BodyKind {
    const manager = this.#owner.manager()
    if (manager !== undefined) this.#manager = manager
    this.#headTimeout.cancel()
    this.#requests++
    const { head } = this
    head.parseRequest(bytes, start, end, this.#manager.scheme, limits)
    const { headerKeyFormat } = this.#manager.options
    if (headerKeyFormat !== undefined) head.headers.spelling = headerKeyFormat.received?.(bytes, start, end)
    this.#minor = head.minor
    this.#last = !head.keepAlive
    this.#keepAlive = head.keepAlive && manager !== undefined && !this.#expired
    const max = this.#manager.options.maxRequestsPerConnection
    if (max > 0 && this.#requests >= max) {
      this.#keepAlive = false
      this.#manager.stats.maxRequestsReached.value++
    }
    this.#beginMessage()
    const stream = this.#manager.newStream(this, this.#info, head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0')
    this.#stream = stream
    const kind = head.bodyKind
    if (kind === BodyKind.None) {
      this.#requestComplete = true
      this.hold()
      stream.onRequestHeaders(head.headers, true)
    } else {
      this.#requestComplete = false
      if (kind === BodyKind.Tunnel) this.#keepAlive = false
      else stream.upgradeHasBody = head.upgrade !== ''
      stream.onRequestHeaders(head.headers, false)
    }
    return kind
  }

  protected onBody(body: BodyBuffer, end: boolean): void {
    if (end) this.#requestEnded()
    const stream = this.#stream
    if (stream === undefined) return
    stream.onRequestData(body, end)
  }

  protected onTrailers(trailers: HeaderMap | undefined): void {
    this.#requestEnded()
    if (trailers !== undefined && this.#manager.options.enableTrailers) this.#stream?.onRequestTrailers(trailers)
    else this.#stream?.onRequestData(new BodyBuffer(), true)
  }

  protected onError(error: CodecError): void {
    this.#manager.stats.protocolErrors.value++
    this.#refuse(error)
  }

  #refuse(error: CodecError): void {
    this.#headTimeout.cancel()
    this.stopReading()
    this.#keepAlive = false
    this.#last = false
    this.#requestComplete = true
    if (this.#stream === undefined) {
      this.#beginMessage()
      const stream = this.#manager.newStream(this, this.#info, 'HTTP/1.1')
      this.#stream = stream
      stream.begin(new HeaderMap(EMPTY_REQUEST.slice()))
    }
    if (!this.#headersSent) this.#manager.stats.early.value++
    this.#stream.onCodecError(error.status, error.details)
  }

  #requestEnded(): void {
    this.#requestComplete = true
    this.resumeReading()
  }

  #beginMessage(): void {
    this.#headersSent = false
    this.#responseComplete = false
    this.#noBody = false
    this.#chunked = false
    this.#remaining = -1
  }

  onRead(chunk: Buffer, owned: boolean): void {
    if (this.#closing) return
    const preface = this.#preface
    if (preface?.canBe(chunk)) {
      this.#watchPreface(preface, owned ? chunk : Buffer.from(chunk))
      return
    }
    this.#preface = undefined
    this.#counts ??= speaks(this.#manager.stats.http1)
    beginRead()
    try {
      this.feed(chunk, owned)
    } finally {
      endRead()
    }
    if (this.#stream === undefined && !this.#held) this.#watchHead()
    else if (this.heldBytes > MAX_PIPELINED && !this.#paused) this.#socket.pause()
  }

  /** A head that has begun must be complete in time, also one that came behind another request. */
  #watchHead(): void {
    if ((this.headStarted || this.#preface?.begun) && !this.#headTimeout.armed) {
      this.#headTimeout.arm(this.#manager.options.requestHeadersTimeoutMs)
    }
  }

  #watchPreface(preface: PrefaceWatch, chunk: Buffer): void {
    const found = preface.take(chunk)
    if (found === undefined) {
      this.#watchHead()
      return
    }
    this.#preface = undefined
    if (found.isHttp2) {
      this.#leave()
      preface.handOver(found.bytes)
    } else this.onRead(found.bytes, true)
  }

  /** Gives the socket away. */
  #leave(): void {
    this.#closing = true
    this.#idle.stop()
    this.#headTimeout.cancel()
    this.#lifetime?.cancel()
    const socket = this.#socket
    endReads(socket)
    socket.off('end', onEnd).off('error', onError).off('close', onClose).off('drain', onDrain)
  }

  onSocketEnd(): void {
    // Behind our own end it is only the answer to that.
    if (!this.#closing) this.endedByPeer = true
    const stream = this.#stream
    if (stream === undefined) this.#close()
    else if (this.#tunnel && !this.#requestComplete) stream.onRequestData(new BodyBuffer(), true)
    // As Envoy: most clients that end have gone, and what is done for them upstream is to end too.
    else {
      this.incomplete = true
      stream.onDownstreamReset(ResponseFlag.DownstreamConnectionTermination, 'downstream_remote_disconnect')
      this.#socket.destroy()
    }
  }

  onSocketClose(failed: boolean): void {
    this.stopReading()
    this.#idle.stop()
    this.#headTimeout.cancel()
    this.#delayedClose?.cancel()
    this.#lifetime?.cancel()
    const stream = this.#stream
    this.#closing = true
    if (this.#counts !== undefined) this.#counts.active.value--
    if (failed) this.endedByPeer = true
    if (stream !== undefined) this.incomplete = true
    stream?.onDownstreamReset(ResponseFlag.DownstreamConnectionTermination, 'downstream_remote_disconnect')
    this.#owner.connectionClosed()
  }

  onSocketDrain(): void {
    if (!this.#output.blocked) return
    this.#output.blocked = false
    if (this.#held && !this.#closing) this.#next()
    else this.#stream?.onDownstreamDrained()
  }

  // Writing

  onOutputBlocked(): void {
    this.#stream?.onDownstreamBlocked()
  }

  encode100Continue(): void {
    this.#output.text('HTTP/1.1 100 Continue\r\n\r\n')
    this.#output.flush()
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    const status = headers.get(':status') as string
    const code = Number(status)
    const writer = responseLines
    const upgraded =
      code === 101 || (code >= 200 && code < 300 && this.head.method === 'CONNECT' && this.#stream?.isUpgrade === true)
    let text = statusLine(status) + writer.write(headers, code === 101)
    this.#noBody = !upgraded && (this.#stream?.isHead === true || code === 204 || code === 304)
    if (upgraded) {
      this.#tunnel = true
    } else {
      if (this.#noBody || writer.contentLength !== -1) this.#remaining = writer.contentLength
      else if (endStream) text += 'content-length: 0\r\n'
      else if (this.#minor === 1) {
        this.#chunked = true
        text += 'transfer-encoding: chunked\r\n'
      } else this.#keepAlive = false
      // An answer before the end of the request: what follows on this connection cannot be told apart from the next one.
      if (!this.#requestComplete) this.#manager.stats.early.value++
      if (!this.#requestComplete || this.#stream?.closesConnection) this.#keepAlive = false
      if (!this.#keepAlive || this.#owner.draining) {
        this.#keepAlive = false
        text += 'connection: close\r\n'
      } else if (this.#minor === 0) text += 'connection: keep-alive\r\n'
    }
    this.#headersSent = true
    const spelling = headers.spelling ?? this.#manager.options.headerKeyFormat?.written
    if (spelling !== undefined) text = spelt(text, spelling)
    if (this.#output.blocked) this.#stream?.onDownstreamBlocked()
    this.#output.text(`${text}\r\n`)
    if (endStream) this.#endResponse()
  }

  encodeData(data: BodyBuffer, endStream: boolean): void {
    if (this.#noBody) data.clear()
    else if (this.#chunked) this.#output.chunk(data, endStream)
    else if (this.#remaining !== -1) {
      this.#remaining -= data.length
      if (this.#remaining < 0) {
        // More than was announced would be read as the next response.
        this.#abort()
        return
      }
      this.#output.body(data)
    } else this.#output.body(data)
    if (endStream) this.#endResponse()
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.#chunked) {
      const lines = this.#manager.options.enableTrailers ? responseLines.write(trailers, false) : ''
      this.#output.text(`0\r\n${lines}\r\n`)
    }
    this.#endResponse()
  }

  continueWith(stream: HttpStream): void {
    this.#stream = stream
  }

  reset(): void {
    this.#abort()
  }

  /** Not behind the end of a request, of which nothing more comes: only a socket that is read tells that the client has gone. */
  pauseReading(): void {
    if (this.#requestComplete) return
    this.#paused = true
    this.#socket.pause()
  }

  resumeReading(): void {
    if (!this.#paused) return
    this.#paused = false
    if (!this.#closing) this.#socket.resume()
  }

  streamDone(): void {
    this.#stream = undefined
    if (this.#closing) return
    if (!this.#responseComplete || !this.#keepAlive || !this.#requestComplete || this.#tunnel || this.endedByPeer) {
      this.#close()
      return
    }
    this.head.release()
    this.#idle.touch()
    this.#paused = false
    // Who asks and does not read would otherwise have us keep all the answers.
    this.#held = this.#output.blocked
    if (!this.#held) this.#next()
  }

  #next(): void {
    this.#held = false
    this.nextMessage()
    if (this.#held) return
    if (this.#stream === undefined) this.#watchHead()
    if (!this.#paused && this.heldBytes <= MAX_PIPELINED && this.#socket.isPaused()) this.#socket.resume()
  }

  #endResponse(): void {
    this.#responseComplete = true
    // Less than was announced: only the end of the connection can tell the client.
    if (this.#remaining > 0 && !this.#noBody) this.#keepAlive = false
  }

  #close(): void {
    if (this.#closing) return
    this.#closing = true
    this.stopReading()
    // Bytes that come when a socket is closed are answered with a reset, which may overtake the answer: who sends none can be closed at once.
    if (this.endedByPeer || (this.#last && this.#requestComplete)) flushAtEndOfTurn(this)
    else this.#linger()
  }

  /** The end of the turn in which a connection closed whose client sends no more. */
  flush(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    this.#output.flush()
    if (socket instanceof DirectSocket && socket.allSent) socket.destroy()
    else this.#linger()
  }

  /** Sends what is left, then waits a little for the client to read it and close (RFC 9112 9.6). */
  #linger(): void {
    this.#output.flush()
    if (this.endedByPeer || this.#headersSent === false) {
      this.#socket.end(() => this.#socket.destroy())
    } else {
      this.#socket.end()
      this.#socket.resume()
    }
    const { delayedCloseMs, streamIdleTimeoutMs } = this.#manager.options
    this.#delayedClose = new DelayedClose(this.#socket, delayedCloseMs, slowReaderMs(streamIdleTimeoutMs))
  }

  #abort(): void {
    this.#closing = true
    this.stopReading()
    // What came before the error is still the client's.
    this.#output.flush()
    this.#socket.destroy()
  }
}

function requestHeadersTimeout(): CodecError {
  return new CodecError('request_header_timeout', 'request headers took too long', 408)
}

// One function for the sockets of all connections: see RATIONALE.md, "Why do connections keep no literals?".

interface ServedSocket extends Socket {
  [CONNECTION]?: Http1ServerConnection
}

function onEnd(this: ServedSocket): void {
  this[CONNECTION]?.onSocketEnd()
}

function onError(): void {}

function onClose(this: ServedSocket, failed: boolean): void {
  this[CONNECTION]?.onSocketClose(failed)
}

function onDrain(this: ServedSocket): void {
  this[CONNECTION]?.onSocketDrain()
}
