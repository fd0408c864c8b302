import { performance } from 'node:perf_hooks'
import type { HeaderMap } from '../../base/header-map.ts'
import type { CallSpan } from '../cluster/async-client.ts'
import type { Host } from '../cluster/host.ts'
import { resetStatus, type UpstreamFailure } from '../cluster/upstream.ts'
import { failureText } from '../filters/router/failure.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import type { Span } from './span.ts'
import type { StreamTrace } from './stream-trace.ts'
import { tagGrpcStatus, tagOutcome } from './tags.ts'

/** The span of one upstream request, retries apart; of one that a filter makes it has neither stream info nor, at first, a host. */
export class AttemptSpan implements CallSpan {
  readonly #trace: StreamTrace
  readonly #span: Span
  #host: Host | undefined
  #headers: HeaderMap | undefined
  /** Of the answer that the proxy makes itself. */
  #status = 0
  readonly #ofFilter: boolean
  #connected = false
  #over = false

  constructor(trace: StreamTrace, span: Span, host: Host | undefined) {
    this.#trace = trace
    this.#span = span
    this.#host = host
    this.#ofFilter = host === undefined
  }

  tag(name: string, value: string): void {
    this.#span.tag(name, value)
  }

  onConnected(host: Host): void {
    this.#host = host
    this.#connected = true
  }

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers
  }

  ended(): void {
    this.#span.end = performance.timeOrigin + performance.now()
  }

  complete(trailers: HeaderMap | undefined, info?: StreamInfo): void {
    this.#finish(info, trailers, 0)
  }

  reset(failure: UpstreamFailure, reason: string, info?: StreamInfo): void {
    const { flag, body } = failureText(failure, reason)
    // As Envoy: what filters ask gets an answer in any case, and that is what the span tells.
    if (this.#ofFilter && this.#headers === undefined) this.#status = resetStatus(failure)
    else {
      this.#span.tag('error', 'true')
      this.#span.tag('error.reason', body)
    }
    this.#finish(info, undefined, flag)
  }

  cancel(flag: number, info?: StreamInfo): void {
    this.#span.tag('canceled', 'true')
    this.#finish(info, undefined, flag)
  }

  #finish(info: StreamInfo | undefined, trailers: HeaderMap | undefined, flag: number): void {
    if (this.#over) return
    this.#over = true
    const span = this.#span
    if (!span.sampled) return
    span.tag('component', 'proxy')
    if (this.#host !== undefined) {
      const { cluster, address } = this.#host
      span.tag('http.protocol', this.#connected ? cluster.protocol || upstreamProtocol(info) : '-')
      span.tag('upstream_address', address)
      span.tag('peer.address', address)
      span.tag('upstream_cluster', cluster.name)
      span.tag('upstream_cluster.name', cluster.statName)
    }
    tagOutcome(span, Number(this.#headers?.get(':status') ?? this.#status), flag)
    tagGrpcStatus(span, trailers, this.#headers)
    if (info !== undefined) this.#trace.tagCustom(span, info)
    if (span.end === 0) this.ended()
    this.#trace.report(span)
  }
}

/** Where the client's protocol decides. */
function upstreamProtocol(info: StreamInfo | undefined): string {
  return info?.protocol === 'HTTP/2' ? info.protocol : 'HTTP/1.1'
}
