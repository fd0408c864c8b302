import type { Socket } from 'node:net'
import type { HeaderMap } from '../../base/header-map.ts'
import type { LongestLife } from '../cluster/longest-life.ts'
import { upgradeOf } from '../cluster/upgrade.ts'
import { type UpstreamCallbacks, UpstreamFailure } from '../cluster/upstream.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import { type IdleOwner, IdleTimer } from '../idle-timer.ts'
import { DelayedClose } from '../network/delayed-close.ts'
import { readInto } from '../network/direct-socket.ts'
import { Http2ClientStream, Http2Upstream, type ResetCounts } from './client-stream.ts'
import { Http2Connection } from './connection.ts'
import { ErrorCode, type Http2Error, protocolError } from './error-code.ts'
import { PREFACE } from './frame.ts'
import { BlockKind, type BlockLimits } from './header-block.ts'
import { Keepalive } from './keepalive.ts'
import type { Http2Options } from './options.ts'
import { Setting } from './settings.ts'
import type { Http2Stats } from './stats.ts'

const CLOSE_MS = 1000

/** The pool's side of a connection. */
export interface ClientConnectionOwner {
  /** There is room for requests that wait. */
  connectionFree(): void
  connectionClosed(connection: Http2ClientConnection): void
}

/** What all connections of a pool have in common. */
export interface ClientConnectionSettings {
  readonly options: Http2Options
  readonly limits: BlockLimits
  readonly stats: Http2Stats
  readonly counts: ResetCounts
  /** `max_requests_per_connection`, or what a connection has ids for. */
  readonly maxRequests: number
  /** Without requests for so long it is closed; 0: never. */
  readonly idleTimeoutMs: number
}

/** One upstream HTTP/2 connection: many requests at a time. */
export class Http2ClientConnection extends Http2Connection<Http2ClientStream> implements IdleOwner {
  readonly about: UpstreamConnection
  life: LongestLife | undefined
  /** Who ended it, and whether in the middle of a request, once it is over. */
  endedByPeer = false
  incomplete = false
  readonly #owner: ClientConnectionOwner
  readonly #counts: ResetCounts
  readonly #maxRequests: number
  readonly #idle: IdleTimer
  readonly #keepalive: Keepalive | undefined
  #next = 1
  #used = 0
  /** Requests that have their place: streams, and those that have not sent their headers yet. */
  #active = 0
  /** Takes no new requests. */
  #leaving = false
  #closed = false
  /** The peer's first SETTINGS are here. */
  #greeted = false
  readonly #waiting: (() => void)[] = []
  #delayedClose: DelayedClose | undefined

  constructor(
    socket: Socket,
    about: UpstreamConnection,
    { options, limits, stats, counts, maxRequests, idleTimeoutMs }: ClientConnectionSettings,
    owner: ClientConnectionOwner,
  ) {
    super(socket, options, limits, stats, false)
    this.#owner = owner
    this.#counts = counts
    this.#maxRequests = maxRequests
    this.about = about
    this.output.bytes(PREFACE)
    this.greet([[Setting.EnablePush, 0]])
    this.#idle = new IdleTimer(this, idleTimeoutMs)
    const { keepaliveMs, keepaliveTimeoutMs } = options
    this.#keepalive = keepaliveMs > 0 ? new Keepalive(this, keepaliveMs, keepaliveTimeoutMs) : undefined
    readInto(socket, this)
    socket.on('end', () => this.#peerEnds())
    socket.on('error', () => this.#peerEnds())
    socket.on('close', () => this.#onClose())
    socket.on('drain', () => this.drained())
  }

  protected onBytes(chunk: Buffer): void {
    this.#keepalive?.heard()
    this.read(chunk, 0)
  }

  get free(): boolean {
    if (this.#leaving || this.ended || this.spent) return false
    return this.#active < this.options.maxStreams && this.#active < this.peer.maxStreams
  }

  /** It has had all the requests that it may have. */
  get spent(): boolean {
    return this.#used >= this.#maxRequests
  }

  /** A place for one request. */
  use(callbacks: UpstreamCallbacks): Http2Upstream {
    this.#active++
    this.#used++
    return new Http2Upstream(this, callbacks)
  }

  /** Sends a request; undefined where that cannot be, which the callbacks have heard. */
  open(callbacks: UpstreamCallbacks, headers: HeaderMap, endStream: boolean): Http2ClientStream | undefined {
    if (this.ended || this.#closed) {
      this.released()
      callbacks.onUpstreamReset(UpstreamFailure.RefusedStream, 'connection is closing')
      return undefined
    }
    const upgrade = upgradeOf(headers)
    // RFC 8441 3. The cluster's `allow_connect` does not matter, as in Envoy.
    if (upgrade !== '' && !this.peer.connectProtocol) {
      this.released()
      callbacks.onUpstreamReset(UpstreamFailure.ProtocolError, 'upstream has no extended CONNECT')
      return undefined
    }
    const stream = new Http2ClientStream(this, this.#next, callbacks, upgrade, this.#counts)
    this.#next += 2
    this.guard.streams++
    this.streams.add(stream)
    // Not the stream's own: another try and the log see what the client asked.
    stream.begin(upgrade === '' ? headers : extendedConnect(headers, upgrade), endStream)
    return stream
  }

  /** A place is free again. */
  released(): void {
    if (--this.#active === 0) {
      this.#idle.touch()
      if (this.#leaving || this.spent) this.#shut()
    }
    if (this.free) this.#owner.connectionFree()
  }

  expire(): void {
    this.drain()
  }

  drain(): void {
    this.#leaving = true
    if (this.#active === 0) this.#shut()
  }

  destroy(): void {
    this.socket.destroy()
  }

  get busy(): boolean {
    return this.#active > 0
  }

  onIdle(): void {
    this.#counts.idleTimeouts.value++
    this.drain()
  }

  #peerEnds(): void {
    this.endedByPeer = !this.ended
    this.socket.destroy()
  }

  #onClose(): void {
    this.#leaving = true
    this.incomplete = this.streams.size > 0
    this.#idle.stop()
    this.#keepalive?.stop()
    this.life?.stop()
    this.#delayedClose?.cancel()
    this.#closed = true
    this.#greet()
    this.dropStreams(ErrorCode.NoError, 'connection closed')
    this.#owner.connectionClosed(this)
  }

  // From the frames

  protected readonly lastPeerStream = 0

  protected isIdle(stream: number): boolean {
    return (stream & 1) === 0 || stream >= this.#next
  }

  onHeaderBlock(id: number, end: boolean, selfDependent: boolean, bytes: Buffer, start: number, stop: number): void {
    const { block } = this
    const stream = this.streams.get(id)
    if (stream === undefined) {
      this.decode(BlockKind.Ignored, bytes, start, stop)
      this.forClosed(id, 'HEADERS')
      return
    }
    const trailers = stream.begun
    this.decode(trailers ? BlockKind.Trailers : BlockKind.Response, bytes, start, stop)
    if (stream.remoteDone) {
      this.streamError(stream, ErrorCode.StreamClosed, 'HEADERS behind END_STREAM')
      return
    }
    if (block.tooLarge) {
      this.streamError(stream, ErrorCode.EnhanceYourCalm, 'header section too large')
      return
    }
    if (block.error === undefined && trailers && !end) block.error = 'trailers without END_STREAM'
    if (selfDependent) block.error = 'stream depends on itself'
    if (block.error !== undefined) {
      if (!this.options.streamErrors) throw protocolError(block.error)
      this.streamError(stream, ErrorCode.ProtocolError, block.error)
    } else if (trailers) stream.receiveTrailers(block.headers())
    else stream.receiveHeaders(block.headers(), block.status, block.contentLength, end)
  }

  protected onStreamGone(): void {
    this.released()
  }

  /** Calls when the peer's first SETTINGS are here, which say what it takes; or when they never will be. */
  whenGreeted(ready: () => void): void {
    if (this.#greeted || this.#closed) ready()
    else this.#waiting.push(ready)
  }

  #greet(): void {
    this.#greeted = true
    for (const ready of this.#waiting.splice(0)) ready()
  }

  protected onPeerSettings(): void {
    this.#greet()
    if (this.free) this.#owner.connectionFree()
  }

  onGoAway(lastStream: number): void {
    this.#counts.closeAnnounced.value++
    this.#leaving = true
    // RFC 9113 6.8: what came behind was not looked at, and may be sent again.
    for (const stream of this.streams.all()) {
      if (stream.id > lastStream) this.refused(stream)
    }
    if (this.#active === 0) this.#shut()
  }

  onPingAck(): void {
    // That it came is what a PING is sent for.
  }

  protected onConnectionError({ code }: Http2Error): void {
    if (code !== ErrorCode.NoError) this.#counts.protocolErrors.value++
    this.#leaving = true
    this.#close()
  }

  #shut(): void {
    if (this.ended) return
    this.writeGoAway(0, ErrorCode.NoError, '')
    this.output.flush()
    this.dropStreams(ErrorCode.NoError, 'connection closed')
    this.#close()
  }

  /** Sends what is left, for which a host that does not read has a little time only (Envoy closes at once: CodecClient::close). */
  #close(): void {
    this.socket.destroySoon()
    this.#delayedClose ??= new DelayedClose(this.socket, CLOSE_MS, 0)
  }
}

/** RFC 8441 5: from the upgrade of HTTP/1.1. */
function extendedConnect(request: HeaderMap, protocol: string): HeaderMap {
  const headers = request.clone()
  headers.put(':method', 'CONNECT')
  headers.put(':protocol', protocol)
  headers.remove('upgrade')
  headers.remove('connection')
  headers.written = true
  return headers
}
