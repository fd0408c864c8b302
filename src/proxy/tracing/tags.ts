/** The tags of a span, named and filled as Envoy does (`http_tracer_impl.cc`), so that dashboards fit both. */
import { textOf } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { responseFlagsText, type StreamInfo } from '../http/stream-info.ts'
import { isGrpc } from '../route/route-match.ts'
import { type Span, SpanKind } from './span.ts'

/** The span of the request as the client sees it. */
export function tagDownstream(span: Span, info: StreamInfo, maxPathLength: number): void {
  const headers = info.requestHeaders
  if (headers !== undefined) tagRequest(span, info, headers, maxPathLength)
  span.tag('request_size', String(info.bytesReceived))
  span.tag('response_size', String(info.bytesSent))
  span.tag('component', 'proxy')
  const host = info.upstreamHost
  if (host !== undefined) {
    span.tag('upstream_cluster', host.cluster.name)
    span.tag('upstream_cluster.name', host.cluster.statName)
  }
  tagOutcome(span, info.responseCode, info.responseFlags)
  tagGrpcStatus(span, info.responseTrailers, info.responseHeaders)
}

function tagRequest(span: Span, info: StreamInfo, headers: HeaderMap, maxPathLength: number): void {
  if (info.requestId !== '') span.tag('guid:x-request-id', textOf(info.requestId))
  span.tag('http.url', textOf(originalUrl(headers, maxPathLength)))
  span.tag('http.method', headers.get(':method') ?? '')
  span.tag('downstream_cluster', textOf(headers.get('x-envoy-downstream-service-cluster') || '-'))
  span.tag('user_agent', textOf(headers.get('user-agent') || '-'))
  span.tag('http.protocol', info.protocol)
  span.tag('peer.address', info.connection.directRemoteAddress)
  const client = headers.get('x-client-trace-id')
  if (client !== undefined) span.tag('guid:x-client-trace-id', textOf(client))
  if (!isGrpc(headers)) return
  span.tag('grpc.path', textOf(headers.get(':path') ?? ''))
  span.tag('grpc.authority', headers.get(':authority') ?? '')
  span.tag('grpc.content_type', headers.get('content-type') ?? '')
  const timeout = headers.get('grpc-timeout')
  if (timeout !== undefined) span.tag('grpc.timeout', timeout)
}

/** How it ended; for OpenTelemetry 4xx is a failure of the one who asked (semantic conventions, HTTP spans, Status). */
export function tagOutcome(span: Span, code: number, flags: number): void {
  span.tag('http.status_code', String(code))
  span.tag('response_flags', responseFlagsText(flags))
  if (code >= 500 || (code >= 400 && span.kind === SpanKind.Client)) span.failed = true
  if (code === 0 || code >= 500) span.tag('error', 'true')
}

/** The final status: of the trailers, or of the headers of an answer that has none. */
export function tagGrpcStatus(span: Span, trailers: HeaderMap | undefined, headers: HeaderMap | undefined): void {
  const source = trailers?.has('grpc-status') === true ? trailers : headers
  const status = source?.get('grpc-status')
  if (source === undefined || status === undefined) return
  span.tag('grpc.status_code', status)
  const message = source.get('grpc-message')
  if (message !== undefined) span.tag('grpc.message', textOf(message))
}

function originalUrl(headers: HeaderMap, maxPathLength: number): string {
  const path = headers.get('x-envoy-original-path') ?? headers.get(':path') ?? ''
  const scheme = headers.get('x-forwarded-proto') ?? ''
  const short = path.length > maxPathLength ? path.slice(0, maxPathLength) : path
  return `${scheme}://${headers.get(':authority') ?? ''}${short}`
}
