import { type ZipkinConfig, ZipkinConfigSchema } from '../../../gen/envoy/config/trace/v3/zipkin_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { byteString } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { type AsyncClient, asyncRequest } from '../cluster/async-client.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { StatsScope } from '../stats/scope.ts'
import { extractB3, injectB3 } from './b3.ts'
import type { TraceProvider } from './provider.ts'
import { Span, SpanKind } from './span.ts'
import { type SendSpans, SpanBuffer } from './span-buffer.ts'

/** Envoy's runtime defaults `tracing.zipkin.min_flush_spans`, `.flush_interval_ms` and `.request_timeout`. */
const MIN_SPANS = 5
const INTERVAL_MS = 5000
const TIMEOUT_MS = 5000
const HTTP_JSON = 1
const KINDS: Readonly<Record<number, string>> = { [SpanKind.Server]: 'SERVER', [SpanKind.Client]: 'CLIENT' }

/** `envoy.tracers.zipkin`: B3 between hops, Zipkin's JSON (API v2) to a collector. */
export function zipkin(
  config: ZipkinConfig,
  path: string,
  clusters: AsyncClient,
  stats: StatsScope,
  serviceName: string,
): TraceProvider {
  const { collectorCluster: cluster, collectorEndpoint: endpoint, collectorEndpointVersion: version } = config
  const fields = ['collector_cluster', 'collector_endpoint', 'collector_hostname', 'collector_endpoint_version']
  onlyFields(ZipkinConfigSchema, config, [...fields, 'trace_id_128bit', 'shared_span_context'], path)
  if (cluster === '') throw invalid(`${path}.collector_cluster`, 'a cluster is missing')
  if (endpoint === '') throw invalid(`${path}.collector_endpoint`, 'a path is missing')
  if (version !== HTTP_JSON) throw unsupported(`${path}.collector_endpoint_version`, 'versions other than HTTP_JSON')
  const shared = config.sharedSpanContext ?? true
  const idBytes = config.traceId128bit ? 16 : 8
  const send: SendSpans = (spans, done) => {
    const json = Buffer.from(JSON.stringify(spans.map((span) => zipkinSpan(span, serviceName, shared))))
    const headers = HeaderMap.of([
      [':authority', byteString(config.collectorHostname || cluster)],
      [':path', endpoint],
      [':method', 'POST'],
      [':scheme', 'http'],
      ['content-type', 'application/json'],
      ['content-length', String(json.length)],
    ])
    if (asyncRequest(clusters, cluster, headers, BodyBuffer.of(json), undefined, TIMEOUT_MS, done) === undefined) done()
  }
  const buffer = new SpanBuffer(stats, 'tracing.zipkin', MIN_SPANS, INTERVAL_MS, send)
  return {
    begin(headers, _name, kind, start, decided) {
      const told = extractB3(headers)
      if (told === 'broken') return undefined
      const sampled = told.sampled ?? decided
      const name = headers.get(':authority') ?? ''
      if (told.traceId === '') return Span.root(name, kind, start, sampled, idBytes)
      const context = { ...told, sampled, traceState: '' }
      // Zipkin's own model: both sides of a call are one span.
      if (shared && kind === SpanKind.Server) return new Span(name, kind, start, context)
      return Span.child(name, kind, start, context)
    },
    inject: injectB3,
    report: (span) => buffer.add(span),
    flush: () => buffer.flush(),
  }
}

function zipkinSpan(span: Span, serviceName: string, shared: boolean): Record<string, unknown> {
  const tags: Record<string, string> = {}
  for (let i = 0; i < span.tags.length; i += 2) if (span.tags[i + 1] !== '') tags[span.tags[i]] = span.tags[i + 1]
  return {
    traceId: span.traceId,
    id: span.spanId,
    ...(span.parentId === '' ? {} : { parentId: span.parentId }),
    name: span.name,
    kind: KINDS[span.kind],
    timestamp: Math.round(span.start * 1000),
    duration: Math.max(1, Math.round((span.end - span.start) * 1000)),
    localEndpoint: { serviceName },
    ...(shared && span.kind === SpanKind.Server ? { shared: true } : {}),
    tags,
  }
}
