import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import type { ProxiedAddresses } from '../../cluster/proxy-protocol.ts'
import { countCall } from '../../cluster/tally.ts'
import type { PendingStream, UpstreamCallbacks, UpstreamFailure, UpstreamStream } from '../../cluster/upstream.ts'
import type { UpstreamConnection } from '../../cluster/upstream-connection.ts'
import type { MetadataMap } from '../../metadata-map.ts'
import type { RequestLimits } from '../../route/request-limits.ts'
import { Timeout, type TimeoutOwner } from '../../timeout-queue.ts'
import type { AttemptSpan } from '../../tracing/attempt-span.ts'
import type { RouterFilter } from './filter.ts'

const PER_TRY = 0
const PER_TRY_IDLE = 1
const DURATION = 2

/** One try of a request on one host. After it is cancelled, or has ended, the router hears no more of it. */
export class Attempt implements UpstreamCallbacks, TimeoutOwner {
  readonly host: EndpointHost
  readonly #cluster: Cluster
  readonly #highPriority: boolean
  readonly #span: AttemptSpan | undefined
  #router: RouterFilter | undefined
  #pending: PendingStream | undefined
  #stream: UpstreamStream | undefined
  #requestDone = false
  #responseDone = false
  #blocked = false
  #requestMetadata: MetadataMap[] | undefined
  /** It has a connection, and is one of the requests under way. */
  #counts = false
  #perTry: Timeout | undefined
  #perTryIdle: Timeout | undefined
  #duration: Timeout | undefined
  headersSent = false
  /** Where it went, once it has gone. */
  connection: UpstreamConnection | undefined
  /** It took longer than a try may, and runs on beside the next one. */
  late = false
  /** The client gets its answer, and how that ends tells whether it is a success. */
  undecided = false

  constructor(
    router: RouterFilter,
    cluster: Cluster,
    highPriority: boolean,
    host: EndpointHost,
    span: AttemptSpan | undefined,
  ) {
    this.#router = router
    this.#cluster = cluster
    this.#highPriority = highPriority
    this.host = host
    this.#span = span
  }

  get proxied(): ProxiedAddresses | undefined {
    return this.#router?.callbacks.stream.info.connection
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.#router?.callbacks.stream.requestHeaders
  }

  get byHttp2(): boolean {
    return this.#router?.callbacks.stream.info.protocol === 'HTTP/2'
  }

  /** `tunnel`: the bytes behind a CONNECT go to the host as they are. */
  start(tunnel: boolean): void {
    const pool = tunnel ? this.host.tunnels : this.host.pool
    this.#pending = pool.newStream(this, this.#highPriority)
  }

  /** From here on it does not count as under way. */
  release(): void {
    if (!this.#counts) return
    this.#counts = false
    this.#stopTime()
    this.#cluster.requestOver(this.host, this.#highPriority)
  }

  /** `flag`: the response flag that tells why. */
  cancel(flag = 0): void {
    this.release()
    const router = this.#router
    if (router === undefined) return
    this.#span?.cancel(flag, router.callbacks.stream.info)
    this.#router = undefined
    this.#unblock(router)
    this.#pending?.cancel()
    if (!this.#requestDone || !this.#responseDone) this.#stream?.reset()
  }

  // Its time

  /**
   * Its time begins when it has a connection and the request is complete (Envoy's UpstreamRequest::setupPerTryTimeout). An answer that
   * has begun before is under the time of the route alone (UpstreamRequest::onPerTryTimeout).
   */
  startTime({ perTryMs, perTryIdleMs }: RequestLimits, answered: boolean): void {
    if (perTryIdleMs !== 0) {
      this.#perTryIdle ??= new Timeout(this, PER_TRY_IDLE)
      this.#perTryIdle.arm(perTryIdleMs)
    }
    if (perTryMs === 0 || answered) return
    this.#perTry ??= new Timeout(this, PER_TRY)
    this.#perTry.arm(perTryMs)
  }

  limitDuration(ms: number): void {
    this.#duration = new Timeout(this, DURATION)
    this.#duration.arm(ms)
  }

  /** The client gets its answer: what is left of it may take as long as the route allows. */
  answers(): void {
    this.#perTry?.cancel()
  }

  becomeLate(): void {
    this.late = true
    this.#stopTryTime()
  }

  onTimeout(kind: number): void {
    if (kind === DURATION) this.#router?.onTooLong(this)
    else this.#router?.onPerTryTimeout(this, kind === PER_TRY_IDLE)
  }

  #stopTime(): void {
    this.#stopTryTime()
    this.#duration?.cancel()
  }

  #stopTryTime(): void {
    this.#perTry?.cancel()
    this.#perTryIdle?.cancel()
  }

  // The request

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    const metadata = this.#requestMetadata
    if (metadata !== undefined && this.#stream?.sendMetadata !== undefined) {
      // It has to stand in front of the end.
      this.#stream.sendHeaders(headers, false)
      for (const map of metadata) this.#stream.sendMetadata(map)
      this.headersSent = true
      if (endStream) this.sendData(new BodyBuffer(), true)
      return
    }
    if (endStream) this.#requestDone = true
    this.#stream?.sendHeaders(headers, endStream)
    // A connection that takes no more has said so by now, and nothing has left.
    this.headersSent = true
  }

  sendData(data: BodyBuffer, endStream: boolean): void {
    if (endStream) this.#requestDone = true
    this.#stream?.sendData(data, endStream)
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#requestDone = true
    this.#stream?.sendTrailers(trailers)
  }

  /** As in Envoy a try that follows this one goes without. */
  sendMetadata(map: MetadataMap): void {
    if (this.headersSent) this.#stream?.sendMetadata?.(map)
    else {
      this.#requestMetadata ??= []
      this.#requestMetadata.push(map)
    }
  }

  pauseReading(): void {
    this.#stream?.pauseReading()
  }

  resumeReading(): void {
    this.#stream?.resumeReading()
  }

  // From the pool and the connection

  onPoolReady(stream: UpstreamStream, host: EndpointHost): void {
    this.#pending = undefined
    this.#stream = stream
    this.#counts = true
    const router = this.#router
    this.#cluster.requestBegun(host)
    if (router === undefined) {
      this.release()
      stream.reset()
      return
    }
    this.#span?.onConnected(host)
    this.connection = stream.about
    router.onAttemptReady(this)
  }

  onPoolFailure(failure: UpstreamFailure, reason: string): void {
    const router = this.#router
    if (router !== undefined) this.#span?.reset(failure, reason, router.callbacks.stream.info)
    this.#router = undefined
    this.#pending = undefined
    router?.onAttemptFailed(this, failure, reason)
  }

  onUpstreamHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#span?.onHeaders(headers)
    this.#perTryIdle?.restart()
    if (endStream) this.#ended()
    this.#router?.onResponseHeaders(this, headers, endStream)
    if (endStream) this.#finish()
  }

  onUpstreamData(data: BodyBuffer, endStream: boolean): void {
    this.#perTryIdle?.restart()
    if (endStream) this.#ended()
    this.#router?.onResponseData(data, endStream)
    if (endStream) this.#finish()
  }

  onUpstreamTrailers(trailers: HeaderMap): void {
    this.#ended(trailers)
    this.#router?.onResponseTrailers(trailers)
    this.#finish()
  }

  onUpstreamMetadata(map: MetadataMap): void {
    this.#router?.callbacks.stream.responseMetadata(map)
  }

  onUpstreamReset(failure: UpstreamFailure, reason: string): void {
    const router = this.#router
    this.#router = undefined
    if (router === undefined) return
    this.#span?.reset(failure, reason, router.callbacks.stream.info)
    this.#unblock(router)
    router.onAttemptFailed(this, failure, reason)
  }

  onUpstreamBlocked(): void {
    if (this.#blocked || this.#router === undefined) return
    this.#blocked = true
    this.#router.onUpstreamBlocked()
  }

  onUpstreamDrained(): void {
    if (this.#router !== undefined) this.#unblock(this.#router)
  }

  #ended(trailers?: HeaderMap): void {
    this.#responseDone = true
    const router = this.#router
    if (router === undefined) return
    if (this.undecided) countCall(this.host, trailers)
    this.#span?.complete(trailers, router.callbacks.stream.info)
    this.#unblock(router)
  }

  /** A response that is complete before its request: the rest of the request has no reader. */
  #finish(): void {
    this.#router = undefined
    if (!this.#requestDone) this.#stream?.reset()
  }

  #unblock(router: RouterFilter): void {
    if (!this.#blocked) return
    this.#blocked = false
    router.onUpstreamDrained()
  }
}
