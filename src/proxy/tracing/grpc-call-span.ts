import { performance } from 'node:perf_hooks'
import type { HeaderMap } from '../../base/header-map.ts'
import type { CallSpan } from '../cluster/async-client.ts'
import type { Span } from './span.ts'
import type { StreamTrace } from './stream-trace.ts'

const DEADLINE_EXCEEDED = 4
const UNAVAILABLE = 14

/** The span of a gRPC call that a filter makes: Envoy's gRPC client tags the cluster for lack of a host, and the status of the call. */
export class GrpcCallSpan implements CallSpan {
  readonly #trace: StreamTrace
  readonly #span: Span
  #headers: HeaderMap | undefined

  constructor(trace: StreamTrace, span: Span, cluster: string) {
    this.#trace = trace
    this.#span = span
    span.tag('upstream_cluster', cluster)
    span.tag('upstream_address', cluster)
    span.tag('component', 'proxy')
  }

  tag(name: string, value: string): void {
    this.#span.tag(name, value)
  }

  onConnected(): void {}

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers
  }

  ended(): void {
    this.#span.end = performance.timeOrigin + performance.now()
  }

  complete(trailers: HeaderMap | undefined): void {
    const status = trailers?.get('grpc-status') ?? this.#headers?.get('grpc-status')
    this.#finish(status ?? String(UNAVAILABLE))
  }

  reset(): void {
    this.#finish(String(UNAVAILABLE))
  }

  /** `flag`: of a call that took too long; else the request has ended before its answer. */
  cancel(flag: number): void {
    if (flag !== 0) this.#finish(String(DEADLINE_EXCEEDED))
    else {
      this.#span.tag('status', 'canceled')
      this.#report()
    }
  }

  #finish(status: string): void {
    this.#span.tag('grpc.status_code', status)
    if (status !== '0') {
      this.#span.tag('error', 'true')
      this.#span.failed = true
    }
    this.#report()
  }

  #report(): void {
    if (this.#span.end === 0) this.ended()
    this.#trace.report(this.#span)
  }
}
