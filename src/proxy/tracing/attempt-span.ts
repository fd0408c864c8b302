import { performance } from 'node:perf_hooks'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Host } from '../cluster/host.ts'
import type { UpstreamFailure } from '../cluster/upstream.ts'
import { failureText } from '../filters/router-failure.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import type { Span } from './span.ts'
import type { StreamTrace } from './stream-trace.ts'
import { tagGrpcStatus, tagOutcome } from './tags.ts'

/** The span of one upstream request, retries apart. */
export class AttemptSpan {
  readonly #trace: StreamTrace
  readonly #span: Span
  readonly #host: Host
  #headers: HeaderMap | undefined
  #connected = false
  #over = false

  constructor(trace: StreamTrace, span: Span, host: Host) {
    this.#trace = trace
    this.#span = span
    this.#host = host
  }

  onConnected(): void {
    this.#connected = true
  }

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers
  }

  complete(info: StreamInfo, trailers: HeaderMap | undefined): void {
    this.#finish(info, trailers, 0)
  }

  reset(info: StreamInfo, failure: UpstreamFailure, reason: string): void {
    const { flag, body } = failureText(failure, reason)
    this.#span.tag('error', 'true')
    this.#span.tag('error.reason', body)
    this.#finish(info, undefined, flag)
  }

  cancel(info: StreamInfo, flag: number): void {
    this.#span.tag('canceled', 'true')
    this.#finish(info, undefined, flag)
  }

  #finish(info: StreamInfo, trailers: HeaderMap | undefined, flag: number): void {
    if (this.#over) return
    this.#over = true
    const span = this.#span
    if (!span.sampled) return
    const { cluster, address } = this.#host
    span.tag('http.protocol', this.#connected ? cluster.protocol || upstreamProtocol(info) : '-')
    span.tag('upstream_address', address)
    span.tag('peer.address', address)
    span.tag('component', 'proxy')
    span.tag('upstream_cluster', cluster.name)
    span.tag('upstream_cluster.name', cluster.statName)
    tagOutcome(span, Number(this.#headers?.get(':status') ?? 0), flag)
    tagGrpcStatus(span, trailers, this.#headers)
    this.#trace.tagCustom(span, info)
    span.end = performance.timeOrigin + performance.now()
    this.#trace.report(span)
  }
}

/** Where the client's protocol decides. */
function upstreamProtocol({ protocol }: StreamInfo): string {
  return protocol === 'HTTP/2' ? protocol : 'HTTP/1.1'
}
