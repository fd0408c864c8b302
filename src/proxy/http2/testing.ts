/** For tests: either end of a connection without a network, writing down what it hears. */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { Cell } from '../../telemetry/metrics.ts'
import type { UpstreamCallbacks, UpstreamStream } from '../cluster/upstream.ts'
import { UpstreamConnection } from '../cluster/upstream-connection.ts'
import { DEFAULT_BUFFER_LIMIT } from '../config/buffer-limit.ts'
import type { ResponseEncoder } from '../http/codec.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { HttpStream } from '../http/stream.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { endTurn } from '../network/end-of-turn.ts'
import type { StatsScope } from '../stats/scope.ts'
import { Http2ClientConnection } from './client-connection.ts'
import { type Http2Options, http2Options } from './options.ts'
import { Http2ServerConnection } from './server-connection.ts'
import { http2Stats } from './stats.ts'

/** A frame as bytes. */
export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

/** A frame as it was written. */
interface SeenFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** What was written, as frames. */
export function framesOf(written: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = []
  for (let at = 0; at < written.length; ) {
    const end = at + 9 + written.readUIntBE(at, 3)
    frames.push({
      type: written[at + 3],
      flags: written[at + 4],
      stream: written.readUInt32BE(at + 5),
      payload: written.subarray(at + 9, end),
    })
    at = end
  }
  return frames
}

class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = []
  writableLength = 0
  destroyed = false
  write(bytes: Buffer): boolean {
    this.written.push(bytes)
    return true
  }
  end(): void {}
  cork(): void {}
  uncork(): void {}
  resume(): void {}
  destroySoon(): void {
    this.destroy()
  }
  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }
}

/** What happened, the pieces of each body put together. */
class Recording {
  readonly events: string[] = []
  readonly #bodies = new Map<string, string>()

  event(who: string, text: string): void {
    const body = this.#bodies.get(who)
    if (body !== undefined) this.events.push(`${who} data ${body}`)
    this.#bodies.delete(who)
    this.events.push(`${who} ${text}`)
  }

  data(who: string, data: BodyBuffer): void {
    this.#bodies.set(who, (this.#bodies.get(who) ?? '') + data.linearize().toString('hex'))
    data.clear()
  }
}

const fields = (headers: HeaderMap) => JSON.stringify(headers.flat)
const cell = () => ({ value: 0 })
const fakeStats = () => http2Stats({ counter: cell } as unknown as StatsScope)

/** A server connection whose requests are answered when they are complete. */
export function recordServer(
  chunks: readonly (Buffer | ((connection: Http2ServerConnection, requests: readonly FakeHttpStream[]) => void))[],
  options: Partial<Http2Options> = {},
) {
  const recording = new Recording()
  const socket = new FakeSocket()
  const requests: FakeHttpStream[] = []
  const stats = {
    connections: cell(),
    activeConnections: cell(),
    protocolErrors: cell(),
    http2: { connections: cell(), active: cell(), requests: cell() },
    frames: fakeStats(),
  }
  const manager = {
    options: {
      http2: { ...http2Options(undefined, '', DEFAULT_BUFFER_LIMIT), ...options },
      limits: { maxBytes: 16 * 1024, maxCount: 50 },
      idleTimeoutMs: 0,
      maxConnectionDurationMs: 0,
      requestHeadersTimeoutMs: 0,
      drainTimeoutMs: 0,
      delayedCloseMs: 0,
      maxRequestsPerConnection: 0,
    },
    stats,
    newStream: (encoder: ResponseEncoder) => {
      const request = new FakeHttpStream(recording, encoder, requests.length + 1)
      requests.push(request)
      return request as unknown as HttpStream
    },
  } as unknown as ConnectionManager
  const owner = {
    manager: () => manager,
    draining: false,
    connectionClosed: () => recording.event('connection', 'closed'),
  }
  const connection = new Http2ServerConnection(socket as unknown as Socket, {} as ConnectionInfo, owner, manager)
  for (const chunk of chunks) {
    if (typeof chunk === 'function') chunk(connection, requests)
    else socket.emit('data', chunk)
  }
  endTurn()
  const { busy } = connection
  socket.destroy()
  return {
    stats: stats.frames,
    events: recording.events,
    written: Buffer.concat(socket.written),
    busy,
    active: stats.activeConnections.value,
  }
}

class FakeHttpStream {
  readonly #metadata: MetadataMap[] = []
  readonly encoder: ResponseEncoder
  readonly streamIdleTimeoutMs = 0
  readonly manager = { stats: { early: cell() } }
  readonly #recording: Recording
  readonly #who: string
  #over = false

  constructor(recording: Recording, encoder: ResponseEncoder, number: number) {
    this.#recording = recording
    this.encoder = encoder
    this.#who = `request ${number}`
  }

  begin(headers: HeaderMap): void {
    this.#recording.event(this.#who, `begins ${fields(headers)}`)
  }

  onRequestHeaders(headers: HeaderMap, end: boolean): void {
    this.#recording.event(this.#who, `headers ${fields(headers)}`)
    if (end) this.#answer()
  }

  onRequestData(data: BodyBuffer, end: boolean): void {
    this.#recording.data(this.#who, data)
    if (end) this.#answer()
  }

  onRequestTrailers(trailers: HeaderMap): void {
    this.#recording.event(this.#who, `trailers ${fields(trailers)}`)
    this.#answer()
  }

  onRequestMetadata(map: MetadataMap): void {
    this.#recording.event(this.#who, `metadata ${JSON.stringify([...map])}`)
    this.#metadata.push(map)
  }

  onDownstreamReset(_flag: number, details: string): void {
    this.#finish(`reset ${details}`)
  }

  onCodecError(status: number, details: string): void {
    this.encoder.encodeHeaders(new HeaderMap([':status', String(status)]), true)
    this.#finish(`refused ${details}`)
  }

  onDownstreamBlocked(): void {}
  onDownstreamDrained(): void {}

  /** An answer before the request is complete. */
  refuse(): void {
    this.encoder.encodeHeaders(new HeaderMap([':status', '403']), true)
    this.#finish('refused')
  }

  #answer(): void {
    const encoder = this.encoder
    encoder.encodeHeaders(new HeaderMap([':status', '200', 'x-a', 'b']), false)
    for (const map of this.#metadata) encoder.encodeMetadata?.(map)
    encoder.encodeData(BodyBuffer.of('body'), false)
    encoder.encodeTrailers(new HeaderMap(['x-end', '1']))
    this.#finish('answered')
  }

  #finish(how: string): void {
    if (this.#over) throw new Error(`${this.#who} ends twice: ${how}`)
    this.#over = true
    this.#recording.event(this.#who, how)
    this.encoder.streamDone()
  }
}

/** A client connection on which three requests are under way, the second of which has a body that never ends. What is no bytes is a request. */
export function recordClient(chunks: readonly (Buffer | HeaderMap)[], options: Partial<Http2Options> = {}) {
  const recording = new Recording()
  const socket = new FakeSocket()
  const owner = { connectionFree: () => {}, connectionClosed: () => recording.event('connection', 'closed') }
  const settings = {
    options: { ...http2Options(undefined, '', DEFAULT_BUFFER_LIMIT), ...options },
    limits: { maxBytes: 16 * 1024, maxCount: 50 },
    stats: fakeStats(),
    counts: {
      resets: new Cell(),
      resetsSent: new Cell(),
      pendingFailures: new Cell(),
      idleTimeouts: new Cell(),
      closeAnnounced: new Cell(),
      protocolErrors: new Cell(),
    },
    maxRequests: 2 ** 29,
    idleTimeoutMs: 0,
  }
  const about = new UpstreamConnection(socket as unknown as Socket, undefined, 1, 2, 0)
  const connection = new Http2ClientConnection(socket as unknown as Socket, about, settings, owner)
  let requests = 0
  const send = (headers: HeaderMap): void => {
    const callbacks = new FakeCallbacks(recording, ++requests)
    const upstream = connection.use(callbacks as unknown as UpstreamCallbacks)
    callbacks.upstream = upstream
    const endless = headers.get(':method') === 'POST'
    upstream.sendHeaders(headers, !endless && headers.get('upgrade') === undefined)
    if (endless) sendBody(upstream)
  }
  for (const method of ['GET', 'POST', 'HEAD'])
    send(new HeaderMap([':authority', 'a', ':path', '/', ':method', method, ':scheme', 'http']))
  for (const chunk of chunks) {
    if (chunk instanceof HeaderMap) send(chunk)
    else socket.emit('data', chunk)
  }
  endTurn()
  socket.destroy()
  return { events: recording.events, written: Buffer.concat(socket.written), busy: connection.busy }
}

const BODY = Buffer.alloc(70_000)

function sendBody(upstream: UpstreamStream): void {
  upstream.sendData(BodyBuffer.of(BODY), false)
}

class FakeCallbacks {
  upstream: UpstreamStream | undefined
  readonly #recording: Recording
  readonly #who: string
  #over = false

  constructor(recording: Recording, number: number) {
    this.#recording = recording
    this.#who = `response ${number}`
  }

  onUpstreamHeaders(headers: HeaderMap, end: boolean): void {
    this.#recording.event(this.#who, `headers ${fields(headers)}`)
    if (end) this.#finish('ended')
  }

  onUpstreamData(data: BodyBuffer, end: boolean): void {
    this.#recording.data(this.#who, data)
    if (end) this.#finish('ended')
  }

  onUpstreamTrailers(trailers: HeaderMap): void {
    this.#finish(`trailers ${fields(trailers)}`)
  }

  onUpstreamMetadata(map: MetadataMap): void {
    this.#recording.event(this.#who, `metadata ${JSON.stringify([...map])}`)
    this.upstream?.sendMetadata?.(map)
  }

  onUpstreamReset(failure: number, reason: string): void {
    this.upstream = undefined
    this.#finish(`reset ${failure} ${reason}`)
  }

  onUpstreamBlocked(): void {}
  onUpstreamDrained(): void {}

  #finish(how: string): void {
    if (this.#over) throw new Error(`${this.#who} ends twice: ${how}`)
    this.#over = true
    this.#recording.event(this.#who, how)
    // As the router does when an answer is complete before its request.
    this.upstream?.reset()
  }
}
