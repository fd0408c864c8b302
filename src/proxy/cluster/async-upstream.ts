import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { Entry } from '../../base/id-table.ts'
import { ResponseFlag } from '../http/stream-info.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import type { AsyncStream, AsyncStreamCallbacks, AsyncStreamOptions, CallSpan } from './async-client.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterCall, ClusterCalls } from './cluster-calls.ts'
import type { EndpointHost } from './endpoint-host.ts'
import { countAnswer, countCall, countFailure, countTimeout, judgeAnswer } from './tally.ts'
import {
  FAILURE_WORDS,
  type PendingStream,
  resetStatus,
  type UpstreamCallbacks,
  UpstreamFailure,
  type UpstreamStream,
} from './upstream.ts'

/** More than this waiting for a connection: whoever sends it should stop. */
const HIGH_WATER = 64 * 1024

/** A stream from within the proxy to a cluster. Everything is handed on in a later tick than the call that caused it. */
export class AsyncUpstream implements AsyncStream, UpstreamCallbacks, TimeoutOwner, ClusterCall {
  readonly id: number
  nextInTable: Entry | undefined
  readonly #calls: ClusterCalls
  readonly #cluster: Cluster
  readonly #callbacks: AsyncStreamCallbacks
  readonly #span: CallSpan | undefined
  readonly #timeout = new Timeout(this, 0)
  readonly #timeoutMs: number
  #headers: HeaderMap | undefined
  #endWithHeaders = false
  #body = new BodyBuffer()
  #bodyEnd = false
  #trailers: HeaderMap | undefined
  #pending: PendingStream | undefined
  #stream: UpstreamStream | undefined
  #host: EndpointHost | undefined
  #requestDone = false
  /** Too much waits for a connection. */
  #full = false
  /** The connection takes no more. */
  #blocked = false
  #answered = false
  /** A gRPC call that is answered, whose end tells whether it is a success. */
  #undecided = false
  #over = false
  /** By who asked: nothing is told any more. */
  #silent = false

  constructor(cluster: Cluster, callbacks: AsyncStreamCallbacks, options: AsyncStreamOptions) {
    this.#cluster = cluster
    this.#calls = cluster.calls
    this.id = this.#calls.nextId()
    this.#calls.add(this)
    this.#callbacks = callbacks
    this.#span = options.span
    this.#timeoutMs = options.timeoutMs ?? 0
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.#headers
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#headers = headers
    this.#endWithHeaders = endStream
    if (endStream) this.#requestEnded()
    process.nextTick(() => this.#start())
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    if (this.#over) return
    if (endStream) this.#requestEnded()
    if (this.#stream !== undefined) this.#stream.sendData(data, endStream)
    else {
      this.#body.move(data)
      this.#bodyEnd = endStream
      if (!this.#full && this.#body.length > HIGH_WATER) {
        this.#full = true
        this.#callbacks.onBlocked?.()
      }
    }
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#over) return
    this.#requestEnded()
    if (this.#stream !== undefined) this.#stream.sendTrailers(trailers)
    else this.#trailers = trailers
  }

  #requestEnded(): void {
    this.#requestDone = true
    this.#timeout.arm(this.#timeoutMs)
  }

  reset(): void {
    this.#silent = true
    this.#cancel(0)
  }

  onClusterGone(): void {
    this.#cancel(0)
    this.#tellReset('cluster removed')
  }

  /** Later: nothing comes from within what the caller does. */
  #tellReset(reason: string): void {
    process.nextTick(() => {
      if (!this.#silent) this.#callbacks.onReset(reason)
    })
  }

  /** `flag`: the response flag that tells why. */
  #cancel(flag: number): void {
    if (this.#over) return
    this.#span?.cancel(flag)
    this.#end()
    this.#pending?.cancel()
    this.#stream?.reset()
  }

  onTimeout(): void {
    if (this.#over) return
    this.#cluster.stats.timeouts.value++
    if (this.#host !== undefined) {
      if (!this.#answered) this.#cluster.outliers?.onLocalFailure(this.#host, 504)
      countTimeout(this.#host, !this.#answered)
    }
    this.#cancel(ResponseFlag.UpstreamRequestTimeout)
    if (this.#answered) this.#callbacks.onReset('upstream request timeout')
    else this.#answer(504, 'upstream request timeout')
  }

  #start(): void {
    if (this.#over) return
    const host = this.#cluster.choose(undefined)
    if (host === undefined) {
      this.#cluster.stats.noHealthy.value++
      this.#end()
      this.#answer(503, 'no healthy upstream')
      return
    }
    this.#pending = host.pool.newStream(this, false)
  }

  onPoolReady(stream: UpstreamStream, host: EndpointHost): void {
    this.#pending = undefined
    this.#stream = stream
    this.#host = host
    this.#cluster.outliers?.onConnected(host)
    this.#cluster.requestBegun(host)
    this.#span?.onConnected(host)
    const hasBody = this.#body.length > 0 || this.#bodyEnd
    stream.sendHeaders(this.#headers as HeaderMap, this.#endWithHeaders)
    if (hasBody && !this.#over) stream.sendData(this.#body, this.#bodyEnd)
    if (this.#trailers !== undefined && !this.#over) stream.sendTrailers(this.#trailers)
    this.#unfull()
  }

  onPoolFailure(failure: UpstreamFailure, reason: string, host: EndpointHost): void {
    if (this.#over) return
    this.#span?.onConnected(host)
    this.#span?.reset(failure, reason)
    // A full circuit breaker says nothing of the host (Filter::onUpstreamReset).
    if (failure !== UpstreamFailure.Overflow) countFailure(this.#cluster, host, true)
    this.#end()
    process.nextTick(() => this.#answerFailure(failure))
  }

  onUpstreamHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.#over) return
    this.#answered = true
    this.#span?.onHeaders(headers)
    const status = Number(headers.get(':status'))
    this.#cluster.stats.answers.given(status, true)
    const host = this.#host
    const request = this.#headers
    if (host !== undefined && request !== undefined) {
      judgeAnswer(this.#cluster, host, request, headers, status)
      this.#undecided = countAnswer(host, request, headers, status, endStream)
    }
    if (endStream) this.#finish(() => this.#callbacks.onHeaders(headers, true))
    else this.#callbacks.onHeaders(headers, false)
  }

  onUpstreamData(data: BodyBuffer, endStream: boolean): void {
    if (this.#over) return
    if (endStream) this.#finish(() => this.#callbacks.onData(data, true))
    else this.#callbacks.onData(data, false)
  }

  onUpstreamTrailers(trailers: HeaderMap): void {
    if (this.#over) return
    this.#finish(() => this.#callbacks.onTrailers(trailers), trailers)
  }

  onUpstreamReset(failure: UpstreamFailure, reason: string): void {
    if (this.#over) return
    this.#span?.reset(failure, reason)
    if (this.#host !== undefined) countFailure(this.#cluster, this.#host, !this.#answered || this.#undecided)
    this.#end()
    if (this.#answered)
      this.#tellReset(failure === UpstreamFailure.ProtocolError ? `protocol error: ${reason}` : reason)
    else process.nextTick(() => this.#answerFailure(failure))
  }

  /** As the router does, through which Envoy's own calls go too. */
  #answerFailure(failure: UpstreamFailure): void {
    const reason = FAILURE_WORDS[failure]
    this.#answer(
      resetStatus(failure),
      `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`,
    )
  }

  onUpstreamBlocked(): void {
    if (this.#blocked || this.#over) return
    this.#blocked = true
    this.#callbacks.onBlocked?.()
  }

  onUpstreamDrained(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#callbacks.onDrained?.()
  }

  #unfull(): void {
    if (!this.#full) return
    this.#full = false
    this.#callbacks.onDrained?.()
  }

  #finish(deliver: () => void, trailers?: HeaderMap): void {
    this.#span?.ended()
    const stream = this.#stream
    const complete = this.#requestDone
    if (this.#undecided && this.#host !== undefined) countCall(this.#host, trailers)
    this.#end()
    if (!complete) stream?.reset()
    deliver()
    if (!this.#silent) this.#callbacks.onComplete()
    this.#span?.complete(trailers)
  }

  #end(): void {
    this.#over = true
    this.#calls.delete(this)
    this.#timeout.cancel()
    this.#unfull()
    this.onUpstreamDrained()
    if (this.#host !== undefined) this.#cluster.requestOver(this.#host)
  }

  #answer(status: number, text: string): void {
    if (this.#silent) return
    this.#cluster.stats.answers.given(status, true)
    const headers = HeaderMap.of([
      [':status', String(status)],
      ['content-length', String(text.length)],
      ['content-type', 'text/plain'],
    ])
    this.#callbacks.onHeaders(headers, false)
    if (!this.#silent) this.#callbacks.onData(BodyBuffer.of(text), true)
    if (!this.#silent) this.#callbacks.onComplete()
  }
}
