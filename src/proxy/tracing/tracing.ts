import type { HeaderMap } from '../../base/header-map.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import type { RouteEntry } from '../route/route-entry.ts'
import type { CustomTag } from './custom-tag.ts'
import type { TraceProvider } from './provider.ts'
import { decideTracing, type SamplingOptions, type Share, TraceReason } from './sampling.ts'
import { Span, SpanKind } from './span.ts'
import type { TracingStats } from './stats.ts'
import { StreamTrace } from './stream-trace.ts'

/** The `decorator` and `tracing` of a route. */
export interface RouteTracing {
  /** '' where the route has no decorator. */
  readonly operation: string
  readonly propagate: boolean
  readonly sampling: { readonly client: Share; readonly random: Share; readonly overall: Share } | undefined
  readonly tags: readonly CustomTag[]
}

/** What `tracing` of a connection manager says. */
export interface TracingParts {
  readonly provider: TraceProvider
  readonly sampling: SamplingOptions
  readonly maxPathLength: number
  readonly tags: readonly CustomTag[]
  readonly spawnUpstreamSpan: boolean
  /** `verbose`: a span of its own for each extension that a request passes. */
  readonly extensionSpans: boolean
  /** Outbound listeners make requests of their own accord, inbound ones serve them. */
  readonly egress: boolean
  readonly nodeId: string
  readonly zone: string
  readonly stats: TracingStats
}

/** The tracing of one connection manager. */
export class Tracing {
  readonly parts: TracingParts

  constructor(parts: TracingParts) {
    this.parts = parts
  }

  /** Decides about a request and begins its span. A trace that cannot be read is handed on as it is, and gets no spans. */
  begin(info: StreamInfo, headers: HeaderMap, routes: { route(): RouteEntry | undefined }): StreamTrace {
    const { provider, sampling, egress, spawnUpstreamSpan, nodeId, zone, stats } = this.parts
    const ofRoute = routes.route()?.settings.tracing
    const reason = decideTracing(
      headers,
      ofRoute?.sampling === undefined ? sampling : { ...sampling, ...ofRoute.sampling },
    )
    stats.reasons[reason].value++
    info.traced = reason !== TraceReason.NotTraceable
    // Without spans for upstream requests an outbound proxy is the client, and not a hop of its own.
    const kind = egress && !spawnUpstreamSpan ? SpanKind.Client : SpanKind.Server
    const name = egress ? `egress ${headers.get(':authority') ?? ''}` : 'ingress'
    const begun = provider.begin(headers, name, kind, info.startTime, info.traced)
    const span = begun ?? Span.root(name, kind, info.startTime, false)
    const trace = new StreamTrace(this.parts, span, ofRoute, begun !== undefined)
    if (span.sampled) {
      span.tag('node_id', nodeId)
      span.tag('zone', zone)
    }
    trace.applyDecorator(headers)
    return trace
  }

  close(): void {
    this.parts.provider.flush()
  }
}
