import { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import type { Callout, Clusters, GrpcCallout, GrpcEvents, GrpcStream } from '../../../wasm/index.ts'
import {
  type AsyncClient,
  type AsyncStream,
  type AsyncStreamCallbacks,
  asyncRequest,
} from '../../cluster/async-client.ts'
import { grpcFromHttp } from '../../http/grpc-from-http.ts'

const INTERNAL = 13
const UNKNOWN = 2
/** The greatest status that gRPC has. */
const UNAUTHENTICATED = 16
/** A message longer than this ends the call. */
const LONGEST_MESSAGE = 4 << 20

/** The clusters of the proxy, for callouts of plugins. */
export function wasmClusters(client: AsyncClient): Clusters {
  return {
    has: (name) => client.hasCluster(name),
    httpCall: (call, done) => {
      const stream = asyncRequest(
        client,
        call.cluster,
        call.headers,
        BodyBuffer.of(toBuffer(call.body)),
        call.trailers,
        call.timeoutMs,
        (response, reason) => {
          if (response === undefined) done({ failure: reason })
          else done({ headers: response.headers, body: response.body.linearize(), trailers: response.trailers })
        },
      )
      return stream === undefined ? undefined : { cancel: () => stream.reset() }
    },
    grpcCall: (call, message, timeoutMs, events) => {
      const unary = new UnaryEvents(events)
      const stream = GrpcClientStream.start(client, call, timeoutMs, unary)
      if (stream === undefined) return undefined
      stream.send(message, true)
      return stream
    },
    grpcStream: (call, events) => GrpcClientStream.start(client, call, 0, events),
  }
}

/** In front of each message: whether it is compressed, and its length. */
const PREFIX = 5
const prefixRead = Buffer.alloc(PREFIX)

/** Headers that are the call's, and no metadata. */
const OWN = /^(?::|te$|content-type$)/

/** A unary call: one message, then status 0, else a failure. */
class UnaryEvents implements GrpcEvents {
  readonly #events: Pick<GrpcEvents, 'onMessage' | 'onClose'>
  #message: Uint8Array | undefined

  constructor(events: Pick<GrpcEvents, 'onMessage' | 'onClose'>) {
    this.#events = events
  }

  onInitialMetadata(): void {}

  onTrailingMetadata(): void {}

  onMessage(message: Uint8Array): void {
    this.#message = message
  }

  onClose(status: number, message: string): void {
    if (status !== 0) this.#events.onClose(status, message)
    else if (this.#message === undefined) this.#events.onClose(INTERNAL, 'no message')
    else this.#events.onMessage(this.#message)
  }
}

/** gRPC over HTTP/2 (PROTOCOL-HTTP2.md): a five byte prefix before each message, the status in the trailers. */
class GrpcClientStream implements GrpcStream, Callout, AsyncStreamCallbacks {
  readonly #events: GrpcEvents
  #stream!: AsyncStream
  readonly #received = new BodyBuffer()
  #blocks = 0
  waiting = 0
  #over = false
  #trailers: HeaderMap | undefined

  static start(
    client: AsyncClient,
    call: GrpcCallout,
    timeoutMs: number,
    events: GrpcEvents,
  ): GrpcClientStream | undefined {
    const made = new GrpcClientStream(events)
    const stream = client.start(call.cluster, made, { timeoutMs })
    if (stream === undefined) return undefined
    made.#stream = stream
    const headers = new HeaderMap([
      ':method',
      'POST',
      ':path',
      `/${call.service}/${call.method}`,
      ':authority',
      call.cluster,
    ])
    headers.add(':scheme', 'http')
    headers.add('te', 'trailers')
    headers.add('content-type', 'application/grpc')
    if (timeoutMs > 0) headers.add('grpc-timeout', `${timeoutMs}m`)
    for (const [name, value] of call.metadata) if (!OWN.test(name)) headers.add(name, value)
    stream.sendHeaders(headers, false)
    return made
  }

  private constructor(events: GrpcEvents) {
    this.#events = events
  }

  send(message: Uint8Array | undefined, endStream: boolean): void {
    if (this.#over) return
    if (message === undefined) {
      this.#stream.sendData(new BodyBuffer(), endStream)
      return
    }
    if (this.#blocks > 0) this.waiting += message.length + PREFIX
    const prefix = Buffer.alloc(PREFIX)
    prefix.writeUInt32BE(message.length, 1)
    this.#stream.sendData(BodyBuffer.of(prefix, toBuffer(message)), endStream)
  }

  onBlocked(): void {
    this.#blocks++
  }

  onDrained(): void {
    if (--this.#blocks === 0) this.waiting = 0
  }

  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#stream.reset()
  }

  onHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.#over) return
    const status = Number(headers.get(':status'))
    // Trailers alone: what they say goes before the status of HTTP (grpc/doc/http-grpc-status-mapping.md).
    if (endStream && (status === 200 || headers.has('grpc-status'))) {
      this.#events.onInitialMetadata(new HeaderMap())
      this.#trailers = headers
    } else if (status !== 200) {
      this.#events.onInitialMetadata(new HeaderMap())
      this.#fail(grpcFromHttp(status), `HTTP status ${status}`)
    } else this.#events.onInitialMetadata(headers)
  }

  onData(data: BodyBuffer): void {
    if (this.#over) return
    const received = this.#received
    received.move(data)
    while (!this.#over && received.length >= PREFIX) {
      received.copyTo(prefixRead, 0, 0, PREFIX)
      const length = prefixRead.readUInt32BE(1)
      if (prefixRead[0] !== 0 || length > LONGEST_MESSAGE) {
        this.#fail(INTERNAL, length > LONGEST_MESSAGE ? 'message too long' : 'compressed message')
        return
      }
      if (received.length < PREFIX + length) return
      const message = Buffer.allocUnsafe(length)
      received.drain(PREFIX)
      received.moveTo(message, 0, length)
      this.#events.onMessage(message)
    }
  }

  onTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers
  }

  onComplete(): void {
    if (this.#over) return
    const trailers = this.#trailers ?? new HeaderMap()
    const status = trailers.get('grpc-status') ?? ''
    const known = /^\d{1,2}$/.test(status) && Number(status) <= UNAUTHENTICATED
    this.#close(known ? Number(status) : UNKNOWN, decodeMessage(trailers.get('grpc-message') ?? ''), trailers)
  }

  onReset(reason: string): void {
    if (!this.#over) this.#close(INTERNAL, reason, new HeaderMap())
  }

  #fail(status: number, message: string): void {
    this.#stream.reset()
    this.#close(status, message, new HeaderMap())
  }

  /** However it ends, trailing metadata comes first, as in Envoy. */
  #close(status: number, message: string, trailers: HeaderMap): void {
    this.#over = true
    this.#events.onTrailingMetadata(trailers)
    this.#events.onClose(status, message)
  }
}

function decodeMessage(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
