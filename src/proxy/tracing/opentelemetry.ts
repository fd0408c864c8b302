import { GrpcServiceSchema } from '../../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import { HttpServiceSchema } from '../../../gen/envoy/config/core/v3/http_service_pb.ts'
import {
  type OpenTelemetryConfig,
  OpenTelemetryConfigSchema,
} from '../../../gen/envoy/config/trace/v3/opentelemetry_pb.ts'
import { AlwaysOnSamplerConfigSchema } from '../../../gen/envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { byteString } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { type AsyncClient, asyncRequest } from '../cluster/async-client.ts'
import { unpackAs } from '../config/any.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { httpServer } from '../config/http-uri.ts'
import { grpcFrame } from '../grpc-frame.ts'
import type { StatsScope } from '../stats/scope.ts'
import { encodeResource, encodeSpans } from './otlp.ts'
import type { TraceProvider } from './provider.ts'
import { resourceAttributes } from './resource.ts'
import { Span } from './span.ts'
import { type SendSpans, SpanBuffer } from './span-buffer.ts'
import { extractW3c, injectW3c } from './w3c.ts'

/** Envoy's runtime defaults `tracing.opentelemetry.min_flush_spans` and `.flush_interval_ms`. */
const MIN_SPANS = 5
const INTERVAL_MS = 5000
/** Where the config tells no timeout: a collector that does not answer must not hold spans up for ever. */
const TIMEOUT_MS = 10_000
const GRPC_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

/** `envoy.tracers.opentelemetry`: W3C Trace Context between hops, OTLP by gRPC or HTTP to a collector. */
export function openTelemetry(
  config: OpenTelemetryConfig,
  path: string,
  clusters: AsyncClient,
  stats: StatsScope,
): TraceProvider {
  onlyFields(
    OpenTelemetryConfigSchema,
    config,
    ['grpc_service', 'http_service', 'service_name', 'resource_detectors', 'sampler'],
    path,
  )
  const always = config.sampler !== undefined
  if (always) unpackAs(config.sampler?.typedConfig, AlwaysOnSamplerConfigSchema, `${path}.sampler.typed_config`)
  const resource = encodeResource(resourceAttributes(config, path))
  const deliver = delivery(config, path, clusters)
  const send: SendSpans = (spans, done) => deliver(encodeSpans(resource, spans), done)
  const buffer = new SpanBuffer(stats, 'tracing.opentelemetry', MIN_SPANS, INTERVAL_MS, send)
  return {
    begin(headers, name, kind, start, decided) {
      const parent = extractW3c(headers)
      if (parent === 'broken') return undefined
      if (parent === undefined) return Span.root(name, kind, start, always || decided)
      return Span.child(name, kind, start, parent, always || parent.sampled)
    },
    inject: injectW3c,
    report: (span: Span) => buffer.add(span),
    flush: () => buffer.flush(),
  }
}

type Delivery = (message: Uint8Array, done: () => void) => void

function delivery(config: OpenTelemetryConfig, path: string, clusters: AsyncClient): Delivery {
  const { grpcService, httpService } = config
  if (grpcService !== undefined && httpService !== undefined)
    throw invalid(path, 'only one of grpc_service and http_service can be set')
  if (grpcService !== undefined) return byGrpc(grpcService, `${path}.grpc_service`, clusters)
  if (httpService !== undefined) return byHttp(httpService, `${path}.http_service`, clusters)
  // Envoy takes such a config as well: contexts are handed on, spans go nowhere.
  return (_message, done) => done()
}

function byGrpc(
  service: NonNullable<OpenTelemetryConfig['grpcService']>,
  path: string,
  clusters: AsyncClient,
): Delivery {
  onlyFields(GrpcServiceSchema, service, ['envoy_grpc', 'timeout', 'initial_metadata'], path)
  const target = service.targetSpecifier
  if (target.case !== 'envoyGrpc') throw unsupported(path, 'a target other than envoy_grpc')
  const { clusterName: cluster, authority } = target.value
  const extra = service.initialMetadata.map(({ key, value }) => [key, value] as const)
  const timeoutMs = durationMs(service.timeout, TIMEOUT_MS)
  return (message, done) => {
    const headers = HeaderMap.of([
      [':authority', byteString(authority || cluster)],
      [':path', GRPC_PATH],
      [':method', 'POST'],
      [':scheme', 'http'],
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
      ...extra,
    ])
    const body = BodyBuffer.of(grpcFrame(message))
    if (asyncRequest(clusters, cluster, headers, body, undefined, timeoutMs, done) === undefined) done()
  }
}

function byHttp(
  service: NonNullable<OpenTelemetryConfig['httpService']>,
  path: string,
  clusters: AsyncClient,
): Delivery {
  onlyFields(HttpServiceSchema, service, ['http_uri', 'request_headers_to_add'], path)
  const { uri, cluster, timeoutMs } = httpServer(service.httpUri, `${path}.http_uri`)
  if (!URL.canParse(uri)) throw invalid(`${path}.http_uri.uri`, 'not a URI with scheme, host and path')
  const { host, pathname, search } = new URL(uri)
  const extra = service.requestHeadersToAdd.map(({ header }) => [header?.key ?? '', header?.value ?? ''] as const)
  return (message, done) => {
    const headers = HeaderMap.of([
      [':authority', host],
      [':path', pathname + search],
      [':method', 'POST'],
      [':scheme', 'http'],
      ['content-type', 'application/x-protobuf'],
      ['user-agent', 'OTel-OTLP-Exporter-Sluice'],
      ['content-length', String(message.length)],
      ...extra,
    ])
    const body = BodyBuffer.of(Buffer.from(message))
    if (asyncRequest(clusters, cluster, headers, body, undefined, timeoutMs, done) === undefined) done()
  }
}
