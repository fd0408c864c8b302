import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { Host } from './host.ts'
import type { UpstreamFailure } from './upstream.ts'

/** Streams to clusters from within filters (`ext_authz`, Lua's httpCall, Wasm's http and gRPC calls). */
export interface AsyncClient {
  hasCluster(name: string): boolean
  /** `cluster.<name>.`; another one when the cluster has changed. */
  statsOf(name: string): StatsScope | undefined
  /**
   * Opens a stream. `undefined` when there is no such cluster. Callbacks never come from within this call or the returned
   * object's methods. A stream that times out or finds no host gets a response (504, 503) as Envoy's async client makes.
   */
  start(cluster: string, callbacks: AsyncStreamCallbacks, options?: AsyncStreamOptions): AsyncStream | undefined
}

/** The span of a call, where the request that it is made for has a trace. */
export interface CallSpan {
  /** Until the answer has been handed on. */
  tag(name: string, value: string): void
  /** The host is known: it has a connection, or could not be reached. */
  onConnected(host: Host): void
  onHeaders(headers: HeaderMap): void
  /** The answer is whole, and is about to be handed on. */
  ended(): void
  complete(trailers: HeaderMap | undefined): void
  reset(failure: UpstreamFailure, reason: string): void
  cancel(flag: number): void
}

/** What a caller wants of one stream. */
export interface AsyncStreamOptions {
  readonly span?: CallSpan | undefined
  /** Of the whole response, from the end of the request on; 0 or absent: none. */
  readonly timeoutMs?: number
}

/** The sending half of a stream to a cluster. */
export interface AsyncStream {
  sendHeaders(headers: HeaderMap, endStream: boolean): void
  sendData(data: BodyBuffer, endStream: boolean): void
  sendTrailers(trailers: HeaderMap): void
  /** No callback follows. */
  reset(): void
}

/** The receiving half; exactly one of `onComplete` and `onReset` ends it. */
export interface AsyncStreamCallbacks {
  onHeaders(headers: HeaderMap, endStream: boolean): void
  onData(data: BodyBuffer, endStream: boolean): void
  onTrailers(trailers: HeaderMap): void
  /** Request and response are complete. */
  onComplete(): void
  /** Broken before it was complete; nothing follows. */
  onReset(reason: string): void
  /** The cluster takes less than it is given, or is not connected yet; also from within `sendData`. As many `onDrained` follow. */
  onBlocked?(): void
  onDrained?(): void
}

/** What Envoy's client keeps of an answer (http.async_response_buffer_limit). */
const MAX_ANSWER = 32 * 1024 * 1024

/** A whole response, as one-shot calls want it. */
export interface AsyncResponse {
  readonly headers: HeaderMap
  readonly body: BodyBuffer
  readonly trailers: HeaderMap | undefined
}

/** One request with a buffered response. `done` gets `undefined` and the reason when the stream broke. */
export function asyncRequest(
  client: AsyncClient,
  cluster: string,
  headers: HeaderMap,
  body: BodyBuffer,
  trailers: HeaderMap | undefined,
  timeoutMs: number,
  done: (response: AsyncResponse | undefined, reason: string) => void,
  span?: CallSpan,
): AsyncStream | undefined {
  const call = new BufferedCall(done)
  const stream = client.start(cluster, call, { timeoutMs, span })
  if (stream === undefined) return undefined
  call.stream = stream
  const hasTrailers = trailers !== undefined && trailers.size > 0
  stream.sendHeaders(headers, body.length === 0 && !hasTrailers)
  if (body.length > 0) stream.sendData(body, !hasTrailers)
  if (hasTrailers) stream.sendTrailers(trailers)
  return stream
}

class BufferedCall implements AsyncStreamCallbacks {
  stream: AsyncStream | undefined
  readonly #done: (response: AsyncResponse | undefined, reason: string) => void
  #headers: HeaderMap | undefined
  #body: BodyBuffer | undefined
  #trailers: HeaderMap | undefined

  constructor(done: (response: AsyncResponse | undefined, reason: string) => void) {
    this.#done = done
  }

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers
  }

  onData(data: BodyBuffer): void {
    if (this.#body === undefined) this.#body = data
    else this.#body.move(data)
    if (this.#body.length <= MAX_ANSWER) return
    this.#body = undefined
    this.#headers = undefined
    this.stream?.reset()
    this.#done(undefined, `the answer is longer than ${MAX_ANSWER} bytes`)
  }

  onTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers
  }

  onComplete(): void {
    if (this.#headers === undefined) return
    this.#done({ headers: this.#headers, body: this.#body ?? new BodyBuffer(), trailers: this.#trailers }, '')
  }

  onReset(reason: string): void {
    this.#done(undefined, reason)
  }
}
