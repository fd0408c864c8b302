import { performance } from 'node:perf_hooks'
import { byteString, textOf } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { CallSpan } from '../cluster/async-client.ts'
import type { Host } from '../cluster/host.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { AttemptSpan } from './attempt-span.ts'
import { GrpcCallSpan } from './grpc-call-span.ts'
import { Span, SpanKind } from './span.ts'
import { tagDownstream } from './tags.ts'
import type { RouteTracing, TracingParts } from './tracing.ts'

const DECORATOR = 'x-envoy-decorator-operation'

/** The trace of one request. */
export class StreamTrace {
  readonly parts: TracingParts
  readonly span: Span
  readonly #route: RouteTracing | undefined
  readonly #carried: boolean
  /** The operation that the other side is told. */
  #operation: string

  /** `carried`: upstream requests are told of the trace. */
  constructor(parts: TracingParts, span: Span, route: RouteTracing | undefined, carried: boolean) {
    this.parts = parts
    this.span = span
    this.#route = route
    this.#carried = carried
    this.#operation = route?.operation ?? ''
  }

  /** A route's decorator names the span; so does the proxy on the calling side, by a header that goes no further. */
  applyDecorator(headers: HeaderMap): void {
    if (this.#operation !== '') this.span.name = this.#operation
    if (this.parts.egress) {
      if (this.#operation !== '' && this.#route?.propagate === true) headers.set(DECORATOR, byteString(this.#operation))
      return
    }
    const told = headers.get(DECORATOR)
    if (told === undefined) return
    headers.remove(DECORATOR)
    if (told === '') return
    this.span.name = textOf(told)
    this.#operation = ''
  }

  onResponseHeaders(headers: HeaderMap): void {
    if (!this.parts.egress) {
      if (this.#operation !== '' && this.#route?.propagate === true) headers.set(DECORATOR, byteString(this.#operation))
      return
    }
    const told = headers.get(DECORATOR)
    if (told === undefined) return
    headers.remove(DECORATOR)
    if (told !== '') this.span.name = textOf(told)
  }

  /** Whether extensions get spans: a request that is not sampled has none to show. */
  get extensionSpans(): boolean {
    return this.parts.extensionSpans && this.span.sampled
  }

  /** A child that is being reported by whoever asked for it. */
  child(name: string, kind: SpanKind, start: number): Span {
    return Span.child(name, kind, start, this.span)
  }

  report(span: Span): void {
    if (span.sampled) this.parts.provider.report(span)
  }

  /** Puts the trace into an upstream request, whose span it returns where it has one. */
  attempt(headers: HeaderMap, host: Host, count: number, spawn: boolean): AttemptSpan | undefined {
    if (!this.#carried) return undefined
    const { provider, spawnUpstreamSpan } = this.parts
    if (!spawnUpstreamSpan && !spawn) {
      provider.inject(this.span, headers)
      return undefined
    }
    const now = performance.timeOrigin + performance.now()
    const span = this.child(`router ${host.cluster.statName} egress`, SpanKind.Client, now)
    provider.inject(span, headers)
    if (count > 1) span.tag('retry.count', String(count - 1))
    return new AttemptSpan(this, span, host)
  }

  /**
   * Puts the trace into a request that a filter makes, as Envoy's async client does: a child always, also where the attempts of the
   * router have none.
   */
  call(headers: HeaderMap, cluster: string, grpcMethod: string, name: string): CallSpan | undefined {
    if (!this.#carried) return undefined
    const now = performance.timeOrigin + performance.now()
    const span = this.child(name || `async ${grpcMethod || cluster} egress`, SpanKind.Client, now)
    this.parts.provider.inject(span, headers)
    return grpcMethod === '' ? new AttemptSpan(this, span, undefined) : new GrpcCallSpan(this, span, cluster)
  }

  tagCustom(span: Span, info: StreamInfo): void {
    const { tags } = this.parts
    for (let i = 0; i < tags.length; i++) tagIfAny(span, tags[i].name, tags[i].value(info))
    const ofRoute = this.#route?.tags ?? NONE
    for (let i = 0; i < ofRoute.length; i++) tagIfAny(span, ofRoute[i].name, ofRoute[i].value(info))
  }

  finish(info: StreamInfo): void {
    const { span } = this
    if (!span.sampled) return
    tagDownstream(span, info, this.parts.maxPathLength)
    this.tagCustom(span, info)
    span.end = performance.timeOrigin + info.endMono
    this.parts.provider.report(span)
  }
}

const NONE: RouteTracing['tags'] = []

function tagIfAny(span: Span, name: string, value: string): void {
  if (value !== '') span.tag(name, value)
}
