import { type Tracing_Http, Tracing_HttpSchema } from '../../../gen/envoy/config/trace/v3/http_tracer_pb.ts'
import {
  type OpenTelemetryConfig,
  OpenTelemetryConfigSchema,
} from '../../../gen/envoy/config/trace/v3/opentelemetry_pb.ts'
import { type ZipkinConfig, ZipkinConfigSchema } from '../../../gen/envoy/config/trace/v3/zipkin_pb.ts'
import {
  type HttpConnectionManager,
  HttpConnectionManager_TracingSchema,
  RequestIDExtensionSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import {
  type UuidRequestIdConfig,
  UuidRequestIdConfigSchema,
} from '../../../gen/envoy/extensions/request_id/uuid/v3/uuid_pb.ts'
import type { Percent } from '../../../gen/envoy/type/v3/percent_pb.ts'
import { unpack, unpackAs } from '../config/any.ts'
import { onlyFields, unsupported } from '../config/fields.ts'
import type { TrafficDirection } from '../context.ts'
import type { DataPlaneContext } from '../worker/data-plane-context.ts'
import { customTags } from './custom-tag.ts'
import { openTelemetry } from './opentelemetry.ts'
import type { TraceProvider } from './provider.ts'
import { ALL, type Share } from './sampling.ts'
import { tracingStats } from './stats.ts'
import { Tracing } from './tracing.ts'
import { zipkin } from './zipkin.ts'

const FIELDS = [
  'client_sampling',
  'random_sampling',
  'overall_sampling',
  'verbose',
  'max_path_tag_length',
  'custom_tags',
  'provider',
  'spawn_upstream_span',
]

/** The tracing of a connection manager; `undefined` when it has none, which costs its requests nothing. */
export function compileTracing(
  manager: HttpConnectionManager,
  context: DataPlaneContext,
  direction: TrafficDirection,
  path: string,
): Tracing | undefined {
  const ids = requestIds(manager, path)
  const config = manager.tracing
  if (config === undefined) return undefined
  const where = `${path}.tracing`
  onlyFields(HttpConnectionManager_TracingSchema, config, FIELDS, where)
  return new Tracing({
    provider: config.provider === undefined ? NOWHERE : provider(config.provider, context, `${where}.provider`),
    sampling: {
      client: percent(config.clientSampling),
      random: percent(config.randomSampling),
      overall: percent(config.overallSampling),
      ...ids,
    },
    maxPathLength: config.maxPathTagLength ?? 256,
    tags: customTags(config.customTags, `${where}.custom_tags`),
    spawnUpstreamSpan: config.spawnUpstreamSpan ?? false,
    extensionSpans: config.verbose,
    egress: direction === OUTBOUND,
    nodeId: context.node.id,
    zone: context.node.locality?.zone ?? '',
    stats: tracingStats(context.stats, manager.statPrefix),
  })
}

const OUTBOUND = 2

/** Without a provider requests are still chosen, and the choice is handed on in their ids. */
const NOWHERE: TraceProvider = {
  begin: () => undefined,
  inject() {},
  report() {},
  flush() {},
}

function provider(proto: Tracing_Http, context: DataPlaneContext, path: string): TraceProvider {
  onlyFields(Tracing_HttpSchema, proto, ['name', 'typed_config'], path)
  const where = `${path}.typed_config`
  const { typeName, message } = unpack(proto.configType.value, where)
  if (typeName === OpenTelemetryConfigSchema.typeName)
    return openTelemetry(message as OpenTelemetryConfig, where, context.clusters, context.stats)
  if (typeName === ZipkinConfigSchema.typeName)
    return zipkin(message as ZipkinConfig, where, context.clusters, context.stats, context.node.cluster)
  throw unsupported(where, `tracing provider ${typeName}`)
}

function requestIds(manager: HttpConnectionManager, path: string): { pack: boolean; useRequestId: boolean } {
  const extension = manager.requestIdExtension
  if (extension === undefined) return { pack: true, useRequestId: true }
  const where = `${path}.request_id_extension`
  onlyFields(RequestIDExtensionSchema, extension, ['typed_config'], where)
  const config: UuidRequestIdConfig = unpackAs(
    extension.typedConfig,
    UuidRequestIdConfigSchema,
    `${where}.typed_config`,
  )
  return { pack: config.packTraceReason ?? true, useRequestId: config.useRequestIdForTraceSampling ?? true }
}

/** Envoy keeps two digits behind the point. */
function percent(value: Percent | undefined): Share {
  return value === undefined ? ALL : { numerator: Math.floor(value.value * 100), of: 10_000 }
}
