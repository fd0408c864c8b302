import {
  createRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  type MessageShape,
  type Registry,
  toJson,
} from '@bufbuild/protobuf'
import { type Any, type Struct, StructSchema } from '@bufbuild/protobuf/wkt'
import type { Metadata } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener } from '../../../gen/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb.ts'
import { file_envoy_extensions_compression_brotli_compressor_v3_brotli } from '../../../gen/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.ts'
import { file_envoy_extensions_compression_brotli_decompressor_v3_brotli } from '../../../gen/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.ts'
import { file_envoy_extensions_compression_gzip_compressor_v3_gzip } from '../../../gen/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.ts'
import { file_envoy_extensions_compression_gzip_decompressor_v3_gzip } from '../../../gen/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.ts'
import { file_envoy_extensions_filters_http_compressor_v3_compressor } from '../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import { file_envoy_extensions_filters_http_decompressor_v3_decompressor } from '../../../gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.ts'
import { file_envoy_extensions_filters_http_grpc_web_v3_grpc_web } from '../../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts'
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from '../../../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts'
import { file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol } from '../../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts'
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from '../../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { file_envoy_extensions_filters_network_connection_limit_v3_connection_limit } from '../../../gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.ts'
import { file_envoy_extensions_filters_network_direct_response_v3_config } from '../../../gen/envoy/extensions/filters/network/direct_response/v3/config_pb.ts'
import { file_envoy_extensions_filters_network_local_ratelimit_v3_local_rate_limit } from '../../../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.ts'
import { file_envoy_extensions_formatter_metadata_v3_metadata } from '../../../gen/envoy/extensions/formatter/metadata/v3/metadata_pb.ts'
import { file_envoy_extensions_formatter_req_without_query_v3_req_without_query } from '../../../gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.ts'
import { file_envoy_extensions_load_balancing_policies_least_request_v3_least_request } from '../../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import { file_envoy_extensions_load_balancing_policies_maglev_v3_maglev } from '../../../gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { file_envoy_extensions_load_balancing_policies_random_v3_random } from '../../../gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import { file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash } from '../../../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin } from '../../../gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import { file_envoy_extensions_load_balancing_policies_subset_v3_subset } from '../../../gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts'
import { file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality } from '../../../gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts'
import { file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver } from '../../../gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.ts'
import { file_envoy_extensions_network_dns_resolver_getaddrinfo_v3_getaddrinfo_dns_resolver } from '../../../gen/envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver_pb.ts'
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match } from '../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.ts'
import { file_envoy_extensions_regex_engines_v3_google_re2 } from '../../../gen/envoy/extensions/regex_engines/v3/google_re2_pb.ts'
import { file_envoy_extensions_resource_monitors_downstream_connections_v3_downstream_connections } from '../../../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts'
import { file_envoy_extensions_resource_monitors_fixed_heap_v3_fixed_heap } from '../../../gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.ts'
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts } from '../../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream } from '../../../gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.ts'
import { file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol } from '../../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from '../../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import type { TypedStruct } from '../../../gen/udpa/type/v1/typed_struct_pb.ts'
import { messageOf } from '../../errors.ts'
import { registry as xdsRegistry } from '../../xds/registry.ts'
import { invalid, unsupported } from './fields.ts'
import { checkNested } from './nested.ts'

/** Every message type that a proxy config may hold. */
export const registry: Registry = createRegistry(
  xdsRegistry,
  file_envoy_extensions_compression_brotli_compressor_v3_brotli,
  file_envoy_extensions_compression_brotli_decompressor_v3_brotli,
  file_envoy_extensions_compression_gzip_compressor_v3_gzip,
  file_envoy_extensions_compression_gzip_decompressor_v3_gzip,
  file_envoy_extensions_filters_http_compressor_v3_compressor,
  file_envoy_extensions_filters_http_decompressor_v3_decompressor,
  file_envoy_extensions_filters_http_grpc_web_v3_grpc_web,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_connection_limit_v3_connection_limit,
  file_envoy_extensions_filters_network_direct_response_v3_config,
  file_envoy_extensions_filters_network_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver,
  file_envoy_extensions_network_dns_resolver_getaddrinfo_v3_getaddrinfo_dns_resolver,
  file_envoy_extensions_path_match_uri_template_v3_uri_template_match,
  file_envoy_extensions_formatter_metadata_v3_metadata,
  file_envoy_extensions_formatter_req_without_query_v3_req_without_query,
  file_envoy_extensions_regex_engines_v3_google_re2,
  file_envoy_extensions_resource_monitors_downstream_connections_v3_downstream_connections,
  file_envoy_extensions_resource_monitors_fixed_heap_v3_fixed_heap,
  file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts,
  file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_load_balancing_policies_least_request_v3_least_request,
  file_envoy_extensions_load_balancing_policies_maglev_v3_maglev,
  file_envoy_extensions_load_balancing_policies_random_v3_random,
  file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash,
  file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin,
  file_envoy_extensions_load_balancing_policies_subset_v3_subset,
  file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality,
  file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream,
  file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener,
)

export interface Unpacked {
  /** Full message name; for a TypedStruct the one inside. */
  readonly typeName: string
  readonly schema: DescMessage | undefined
  readonly message: Message | undefined
  /** Of a TypedStruct whose type we have no message for (Istio's own filters). */
  readonly json: JsonObject | undefined
}

/** Reads an `Any`; a TypedStruct is read as the message that it stands for. */
export function unpack(any: Any | undefined, path: string): Unpacked {
  if (any === undefined || any.typeUrl === '') throw invalid(path, 'a typed config is missing')
  const typeName = messageName(any.typeUrl)
  const schema = registry.getMessage(typeName)
  if (schema === undefined) throw unsupported(path, `unknown type ${typeName}`)
  let message: Message
  try {
    message = fromBinary(schema, any.value)
  } catch (error) {
    throw invalid(path, `not a valid ${typeName}: ${messageOf(error)}`)
  }
  if (typeName !== 'udpa.type.v1.TypedStruct' && typeName !== 'xds.type.v3.TypedStruct') {
    checkNested(schema, message, path)
    return { typeName, schema, message, json: undefined }
  }
  const struct = message as TypedStruct
  const inner = messageName(struct.typeUrl)
  const innerSchema = registry.getMessage(inner)
  const json = (struct.value ?? {}) as JsonObject
  if (innerSchema === undefined) return { typeName: inner, schema: undefined, message: undefined, json }
  try {
    message = fromJson(innerSchema, json, { registry })
  } catch (error) {
    throw invalid(path, `not a valid ${inner}: ${messageOf(error)}`)
  }
  checkNested(innerSchema, message, path)
  return { typeName: inner, schema: innerSchema, message, json: undefined }
}

/** Reads an `Any` that must be of this type. */
export function unpackAs<D extends DescMessage>(any: Any | undefined, schema: D, path: string): MessageShape<D> {
  const { typeName, message } = unpack(any, path)
  if (typeName !== schema.typeName)
    throw unsupported(path, `type ${typeName}, where only ${schema.typeName} is supported`)
  return message as MessageShape<D>
}

export function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

/** `filter_metadata` as plain JSON by namespace. */
export function metadataJson(metadata: Metadata | undefined): Readonly<Record<string, unknown>> {
  if (metadata === undefined) return NO_METADATA
  const result: Record<string, unknown> = Object.create(null)
  for (const [namespace, struct] of Object.entries(metadata.filterMetadata)) result[namespace] = structJson(struct)
  return result
}

/** protobuf-es keeps a Struct field as a JSON object already; a Struct message of its own is converted. */
export function structJson(struct: Struct | JsonObject): JsonObject {
  return '$typeName' in struct ? (toJson(StructSchema, struct as Struct) as JsonObject) : (struct as JsonObject)
}

export const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null))
