import { createRegistry, type DescFile, type Registry } from '@bufbuild/protobuf'
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'
import { file_envoy_admin_v3_config_dump } from '../../gen/envoy/admin/v3/config_dump_pb.ts'
import { file_envoy_config_bootstrap_v3_bootstrap } from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { file_envoy_config_cluster_v3_cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { file_envoy_config_core_v3_extension } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { file_envoy_config_core_v3_grpc_service } from '../../gen/envoy/config/core/v3/grpc_service_pb.ts'
import { file_envoy_config_endpoint_v3_endpoint } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { file_envoy_config_listener_v3_listener } from '../../gen/envoy/config/listener/v3/listener_pb.ts'
import { file_envoy_config_route_v3_route } from '../../gen/envoy/config/route/v3/route_pb.ts'
import { file_envoy_config_trace_v3_opentelemetry } from '../../gen/envoy/config/trace/v3/opentelemetry_pb.ts'
import { file_envoy_config_trace_v3_zipkin } from '../../gen/envoy/config/trace/v3/zipkin_pb.ts'
import { file_envoy_extensions_access_loggers_file_v3_file } from '../../gen/envoy/extensions/access_loggers/file/v3/file_pb.ts'
import { file_envoy_extensions_access_loggers_filters_cel_v3_cel } from '../../gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.ts'
import { file_envoy_extensions_access_loggers_stream_v3_stream } from '../../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts'
import { file_envoy_extensions_access_loggers_wasm_v3_wasm } from '../../gen/envoy/extensions/access_loggers/wasm/v3/wasm_pb.ts'
import { file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener } from '../../gen/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb.ts'
import { file_envoy_extensions_compression_brotli_compressor_v3_brotli } from '../../gen/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.ts'
import { file_envoy_extensions_compression_brotli_decompressor_v3_brotli } from '../../gen/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.ts'
import { file_envoy_extensions_compression_gzip_compressor_v3_gzip } from '../../gen/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.ts'
import { file_envoy_extensions_compression_gzip_decompressor_v3_gzip } from '../../gen/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.ts'
import { file_envoy_extensions_compression_zstd_compressor_v3_zstd } from '../../gen/envoy/extensions/compression/zstd/compressor/v3/zstd_pb.ts'
import { file_envoy_extensions_compression_zstd_decompressor_v3_zstd } from '../../gen/envoy/extensions/compression/zstd/decompressor/v3/zstd_pb.ts'
import { file_envoy_extensions_filters_http_buffer_v3_buffer } from '../../gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.ts'
import { file_envoy_extensions_filters_http_compressor_v3_compressor } from '../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import { file_envoy_extensions_filters_http_cors_v3_cors } from '../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts'
import { file_envoy_extensions_filters_http_decompressor_v3_decompressor } from '../../gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.ts'
import { file_envoy_extensions_filters_http_ext_authz_v3_ext_authz } from '../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import { file_envoy_extensions_filters_http_fault_v3_fault } from '../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { file_envoy_extensions_filters_http_grpc_stats_v3_config } from '../../gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import { file_envoy_extensions_filters_http_grpc_web_v3_grpc_web } from '../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts'
import { file_envoy_extensions_filters_http_header_mutation_v3_header_mutation } from '../../gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts'
import { file_envoy_extensions_filters_http_health_check_v3_health_check } from '../../gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import { file_envoy_extensions_filters_http_jwt_authn_v3_config } from '../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import { file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit } from '../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import { file_envoy_extensions_filters_http_lua_v3_lua } from '../../gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts'
import { file_envoy_extensions_filters_http_ratelimit_v3_rate_limit } from '../../gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts'
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from '../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import { file_envoy_extensions_filters_http_router_v3_router } from '../../gen/envoy/extensions/filters/http/router/v3/router_pb.ts'
import { file_envoy_extensions_filters_http_wasm_v3_wasm } from '../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from '../../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts'
import { file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol } from '../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts'
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from '../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { file_envoy_extensions_filters_network_connection_limit_v3_connection_limit } from '../../gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.ts'
import { file_envoy_extensions_filters_network_direct_response_v3_config } from '../../gen/envoy/extensions/filters/network/direct_response/v3/config_pb.ts'
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { file_envoy_extensions_filters_network_local_ratelimit_v3_local_rate_limit } from '../../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.ts'
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from '../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { file_envoy_extensions_filters_network_wasm_v3_wasm } from '../../gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts'
import { file_envoy_extensions_formatter_metadata_v3_metadata } from '../../gen/envoy/extensions/formatter/metadata/v3/metadata_pb.ts'
import { file_envoy_extensions_formatter_req_without_query_v3_req_without_query } from '../../gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.ts'
import { file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case } from '../../gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.ts'
import { file_envoy_extensions_internal_redirect_allow_listed_routes_v3_allow_listed_routes_config } from '../../gen/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.ts'
import { file_envoy_extensions_internal_redirect_previous_routes_v3_previous_routes_config } from '../../gen/envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config_pb.ts'
import { file_envoy_extensions_internal_redirect_safe_cross_scheme_v3_safe_cross_scheme_config } from '../../gen/envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config_pb.ts'
import { file_envoy_extensions_load_balancing_policies_least_request_v3_least_request } from '../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import { file_envoy_extensions_load_balancing_policies_maglev_v3_maglev } from '../../gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { file_envoy_extensions_load_balancing_policies_random_v3_random } from '../../gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import { file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash } from '../../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin } from '../../gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import { file_envoy_extensions_load_balancing_policies_subset_v3_subset } from '../../gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts'
import { file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality } from '../../gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts'
import { file_envoy_extensions_matching_common_inputs_environment_variable_v3_input } from '../../gen/envoy/extensions/matching/common_inputs/environment_variable/v3/input_pb.ts'
import { file_envoy_extensions_matching_common_inputs_network_v3_network_inputs } from '../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts'
import { file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs } from '../../gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.ts'
import { file_envoy_extensions_matching_input_matchers_ip_v3_ip } from '../../gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.ts'
import { file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver } from '../../gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.ts'
import { file_envoy_extensions_network_dns_resolver_getaddrinfo_v3_getaddrinfo_dns_resolver } from '../../gen/envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver_pb.ts'
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match } from '../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.ts'
import { file_envoy_extensions_regex_engines_v3_google_re2 } from '../../gen/envoy/extensions/regex_engines/v3/google_re2_pb.ts'
import { file_envoy_extensions_request_id_uuid_v3_uuid } from '../../gen/envoy/extensions/request_id/uuid/v3/uuid_pb.ts'
import { file_envoy_extensions_resource_monitors_downstream_connections_v3_downstream_connections } from '../../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts'
import { file_envoy_extensions_resource_monitors_fixed_heap_v3_fixed_heap } from '../../gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.ts'
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts } from '../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector } from '../../gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.ts'
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_static_config_resource_detector } from '../../gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.ts'
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_always_on_sampler } from '../../gen/envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler_pb.ts'
import { file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream } from '../../gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.ts'
import { file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol } from '../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from '../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import { file_envoy_extensions_transport_sockets_tls_v3_secret } from '../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { file_envoy_extensions_wasm_v3_wasm } from '../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { file_envoy_service_auth_v3_external_auth } from '../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { file_envoy_service_discovery_v3_ads } from '../../gen/envoy/service/discovery/v3/ads_pb.ts'
import { file_envoy_service_discovery_v3_discovery } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { file_envoy_service_ratelimit_v3_rls } from '../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { file_envoy_type_matcher_v3_http_inputs } from '../../gen/envoy/type/matcher/v3/http_inputs_pb.ts'
import { file_google_rpc_status } from '../../gen/google/rpc/status_pb.ts'
import { file_udpa_type_v1_typed_struct } from '../../gen/udpa/type/v1/typed_struct_pb.ts'
import { file_xds_type_matcher_v3_domain } from '../../gen/xds/type/matcher/v3/domain_pb.ts'
import { file_xds_type_matcher_v3_ip } from '../../gen/xds/type/matcher/v3/ip_pb.ts'
import { file_xds_type_v3_typed_struct } from '../../gen/xds/type/v3/typed_struct_pb.ts'

/** The files of proto/paths.txt; a test holds the two lists together. */
const ROOTS: readonly DescFile[] = [
  file_envoy_admin_v3_config_dump,
  file_envoy_config_bootstrap_v3_bootstrap,
  file_envoy_config_cluster_v3_cluster,
  file_envoy_config_core_v3_extension,
  file_envoy_config_core_v3_grpc_service,
  file_envoy_config_endpoint_v3_endpoint,
  file_envoy_config_listener_v3_listener,
  file_envoy_config_route_v3_route,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_filters_cel_v3_cel,
  file_envoy_extensions_access_loggers_stream_v3_stream,
  file_envoy_extensions_access_loggers_wasm_v3_wasm,
  file_envoy_extensions_compression_brotli_compressor_v3_brotli,
  file_envoy_extensions_compression_gzip_compressor_v3_gzip,
  file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case,
  file_envoy_extensions_compression_gzip_decompressor_v3_gzip,
  file_envoy_extensions_compression_zstd_compressor_v3_zstd,
  file_envoy_extensions_filters_http_buffer_v3_buffer,
  file_envoy_extensions_filters_http_compressor_v3_compressor,
  file_envoy_extensions_filters_http_cors_v3_cors,
  file_envoy_extensions_filters_http_decompressor_v3_decompressor,
  file_envoy_extensions_filters_http_ext_authz_v3_ext_authz,
  file_envoy_extensions_filters_http_fault_v3_fault,
  file_envoy_extensions_filters_http_grpc_stats_v3_config,
  file_envoy_extensions_filters_http_grpc_web_v3_grpc_web,
  file_envoy_extensions_filters_http_header_mutation_v3_header_mutation,
  file_envoy_extensions_filters_http_health_check_v3_health_check,
  file_envoy_extensions_filters_http_jwt_authn_v3_config,
  file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_filters_http_lua_v3_lua,
  file_envoy_extensions_filters_http_ratelimit_v3_rate_limit,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_http_wasm_v3_wasm,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_connection_limit_v3_connection_limit,
  file_envoy_extensions_filters_network_direct_response_v3_config,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_filters_network_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_filters_network_wasm_v3_wasm,
  file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts,
  file_envoy_config_trace_v3_opentelemetry,
  file_envoy_config_trace_v3_zipkin,
  file_envoy_extensions_request_id_uuid_v3_uuid,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_static_config_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_always_on_sampler,
  file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_transport_sockets_tls_v3_secret,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_envoy_extensions_wasm_v3_wasm,
  file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin,
  file_envoy_extensions_load_balancing_policies_least_request_v3_least_request,
  file_envoy_extensions_load_balancing_policies_random_v3_random,
  file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash,
  file_envoy_extensions_load_balancing_policies_maglev_v3_maglev,
  file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality,
  file_envoy_extensions_load_balancing_policies_subset_v3_subset,
  file_envoy_extensions_internal_redirect_allow_listed_routes_v3_allow_listed_routes_config,
  file_envoy_extensions_internal_redirect_previous_routes_v3_previous_routes_config,
  file_envoy_extensions_internal_redirect_safe_cross_scheme_v3_safe_cross_scheme_config,
  file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream,
  file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener,
  file_envoy_extensions_resource_monitors_fixed_heap_v3_fixed_heap,
  file_envoy_extensions_resource_monitors_downstream_connections_v3_downstream_connections,
  file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver,
  file_envoy_extensions_network_dns_resolver_getaddrinfo_v3_getaddrinfo_dns_resolver,
  file_envoy_extensions_regex_engines_v3_google_re2,
  file_envoy_service_auth_v3_external_auth,
  file_envoy_service_discovery_v3_ads,
  file_envoy_service_discovery_v3_discovery,
  file_envoy_extensions_compression_brotli_decompressor_v3_brotli,
  file_envoy_extensions_formatter_metadata_v3_metadata,
  file_envoy_extensions_formatter_req_without_query_v3_req_without_query,
  file_envoy_extensions_path_match_uri_template_v3_uri_template_match,
  file_envoy_extensions_compression_zstd_decompressor_v3_zstd,
  file_envoy_service_ratelimit_v3_rls,
  file_google_rpc_status,
  file_udpa_type_v1_typed_struct,
  file_envoy_extensions_matching_common_inputs_environment_variable_v3_input,
  file_envoy_extensions_matching_common_inputs_network_v3_network_inputs,
  file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs,
  file_envoy_extensions_matching_input_matchers_ip_v3_ip,
  file_envoy_type_matcher_v3_http_inputs,
  file_xds_type_matcher_v3_domain,
  file_xds_type_matcher_v3_ip,
  file_xds_type_v3_typed_struct,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
]

function closure(roots: readonly DescFile[]): DescFile[] {
  const seen = new Set<DescFile>()
  const visit = (file: DescFile): void => {
    if (seen.has(file)) return
    seen.add(file)
    file.dependencies.forEach(visit)
  }
  roots.forEach(visit)
  return [...seen]
}

/** Every generated message type with what it imports: lets an `Any` be read from and written to JSON. */
export const registry: Registry = createRegistry(...closure(ROOTS))
