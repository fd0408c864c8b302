/** Fields that are taken without being read. Each entry must be true: one that is read or refused by now fails the test. */

const NAME = 'a name for people and for finding by type; the typed config decides'
const RUNTIME = 'layered_runtime takes no key that could replace the default'
const ZONE = 'nothing without cluster_manager.local_cluster_name, in Envoy neither'
const NODE = 'sent to the management server as it came'

/** Taken knowingly: ignoring these is right. Message, field, reason. */
export const WITHOUT_EFFECT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'envoy.config.accesslog.v3.RuntimeFilter': {
    runtime_key: RUNTIME,
  },
  'envoy.config.cluster.v3.Cluster': {
    cleanup_interval: 'of clusters ORIGINAL_DST, which are refused',
  },
  'envoy.config.cluster.v3.Cluster.CommonLbConfig': {
    update_merge_window: 'how long Envoy gathers changes to spare itself work; here each counts at once',
  },
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig': {
    routing_enabled: ZONE,
    min_cluster_size: ZONE,
  },
  'envoy.config.core.v3.Node': {
    dynamic_parameters: NODE,
    user_agent_version: NODE,
    user_agent_build_version: NODE,
    extensions: NODE,
    client_features: NODE,
    listening_addresses: NODE,
  },
  'envoy.config.core.v3.RuntimeDouble': {
    runtime_key: RUNTIME,
  },
  'envoy.config.core.v3.RuntimeFeatureFlag': {
    runtime_key: RUNTIME,
  },
  'envoy.config.core.v3.RuntimeFractionalPercent': {
    runtime_key: RUNTIME,
  },
  'envoy.config.core.v3.RuntimeUInt32': {
    runtime_key: RUNTIME,
  },
  'envoy.config.core.v3.TransportSocket': {
    name: NAME,
  },
  'envoy.config.listener.v3.ListenerFilter': {
    name: NAME,
  },
  'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig': {
    routing_enabled: ZONE,
    min_cluster_size: ZONE,
  },
  'envoy.type.matcher.v3.RegexMatcher': {
    google_re2: 'deprecated; RE2 is what there is',
  },
}

/** Still to be refused, read, or moved to the list above with a reason. */
export const UNDECIDED: Readonly<Record<string, readonly string[]>> = {
  'envoy.config.accesslog.v3.RuntimeFilter': ['use_independent_randomness'],
  'envoy.config.bootstrap.v3.Admin': [
    'access_log',
    'access_log_path',
    'profile_path',
    'socket_options',
    'ignore_global_conn_limit',
  ],
  'envoy.config.bootstrap.v3.Bootstrap': [
    'cluster_manager',
    'flags_path',
    'deferred_stat_options',
    'stats_flush_interval',
    'watchdogs',
    'layered_runtime',
    'overload_manager',
    'typed_dns_resolver_config',
    'default_regex_engine',
    'application_log_config',
  ],
  'envoy.config.cluster.v3.CircuitBreakers': ['per_host_thresholds'],
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds': ['track_remaining'],
  'envoy.config.cluster.v3.Cluster': [
    'http_protocol_options',
    'respect_dns_ttl',
    'protocol_selection',
    'upstream_connection_options',
    'track_cluster_stats',
  ],
  'envoy.config.cluster.v3.Cluster.CustomClusterType': ['name', 'typed_config'],
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': ['eds_config'],
  'envoy.config.cluster.v3.OutlierDetection': ['enforcing_success_rate', 'enforcing_consecutive_local_origin_failure'],
  'envoy.config.core.v3.Address': ['envoy_internal_address'],
  'envoy.config.core.v3.ApiConfigSource': [
    'api_type',
    'transport_api_version',
    'cluster_names',
    'refresh_delay',
    'request_timeout',
    'rate_limit_settings',
    'set_node_on_first_message_only',
    'config_validators',
  ],
  'envoy.config.core.v3.AsyncDataSource': ['remote'],
  'envoy.config.core.v3.BackoffStrategy': ['max_interval'],
  'envoy.config.core.v3.ConfigSource': [
    'authorities',
    'path',
    'path_config_source',
    'api_config_source',
    'self',
    'resource_api_version',
  ],
  'envoy.config.core.v3.GrpcService.EnvoyGrpc': ['retry_policy', 'max_receive_message_length', 'skip_envoy_headers'],
  'envoy.config.core.v3.GrpcService.GoogleGrpc': [
    'channel_credentials',
    'call_credentials',
    'stat_prefix',
    'credentials_factory_name',
    'config',
    'per_stream_buffer_limit_bytes',
    'channel_args',
  ],
  'envoy.config.core.v3.HeaderValue': ['raw_value'],
  'envoy.config.core.v3.Http1ProtocolOptions': ['allow_absolute_url'],
  'envoy.config.core.v3.Http3ProtocolOptions': [
    'quic_protocol_options',
    'override_stream_error_on_invalid_http_message',
    'allow_extended_connect',
    'allow_metadata',
  ],
  'envoy.config.core.v3.Metadata': ['typed_filter_metadata'],
  'envoy.config.core.v3.Pipe': ['mode'],
  'envoy.config.core.v3.SocketAddress': ['named_port', 'resolver_name', 'ipv4_compat'],
  'envoy.config.core.v3.SubstitutionFormatString': ['json_format_options'],
  'envoy.config.endpoint.v3.Endpoint.AdditionalAddress': ['address'],
  'envoy.config.endpoint.v3.LocalityLbEndpoints': ['metadata'],
  'envoy.config.listener.v3.AdditionalAddress': ['socket_options'],
  'envoy.config.listener.v3.FilterChain': ['metadata', 'transport_socket_connect_timeout'],
  'envoy.config.listener.v3.Listener': [
    'stat_prefix',
    'drain_type',
    'freebind',
    'socket_options',
    'connection_balance_config',
    'reuse_port',
    'enable_reuse_port',
    'max_connections_to_accept_per_socket_event',
  ],
  'envoy.config.listener.v3.ListenerFilter': ['config_discovery', 'filter_disabled'],
  'envoy.config.metrics.v3.StatsConfig': ['use_all_default_tags', 'stats_matcher', 'histogram_bucket_settings'],
  'envoy.config.metrics.v3.StatsSink': ['name', 'typed_config'],
  'envoy.config.metrics.v3.TagSpecifier': ['fixed_value'],
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate': ['typed_config'],
  'envoy.config.route.v3.RouteAction.MaxStreamDuration': ['max_stream_duration', 'grpc_timeout_header_offset'],
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy': ['cluster_header', 'trace_sampled'],
  'envoy.config.route.v3.RouteConfiguration': ['validate_clusters', 'max_direct_response_body_size_bytes', 'metadata'],
  'envoy.config.route.v3.WeightedCluster': ['total_weight', 'runtime_key_prefix'],
  'envoy.config.trace.v3.Tracing': ['http'],
  'envoy.config.trace.v3.Tracing.Http': ['name'],
  'envoy.extensions.compression.brotli.compressor.v3.Brotli': ['chunk_size'],
  'envoy.extensions.compression.gzip.compressor.v3.Gzip': ['chunk_size'],
  'envoy.extensions.filters.http.buffer.v3.BufferPerRoute': ['disabled'],
  'envoy.extensions.filters.http.compressor.v3.CompressorPerRoute': ['overrides'],
  'envoy.extensions.filters.http.ext_authz.v3.CheckSettings': ['with_request_body'],
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz': ['transport_api_version'],
  'envoy.extensions.filters.http.fault.v3.HTTPFault': ['disable_downstream_cluster_stats'],
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig': ['emit_filter_state'],
  'envoy.extensions.filters.http.jwt_authn.v3.JwtProvider': ['jwt_cache_config'],
  'envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks': ['async_fetch', 'retry_policy'],
  'envoy.extensions.filters.http.rbac.v3.RBAC': ['track_per_rule_stats'],
  'envoy.extensions.filters.http.router.v3.Router': [
    'dynamic_stats',
    'start_child_span',
    'respect_expected_rq_timeout',
  ],
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': ['add_user_agent'],
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig': [
    'unix_sockets',
  ],
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails': [
    'chain',
  ],
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext': [
    'validation_context_certificate_provider',
    'validation_context_certificate_provider_instance',
  ],
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': [
    'disable_stateless_session_resumption',
    'disable_stateful_session_resumption',
    'session_timeout',
  ],
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': ['sds_config'],
  'envoy.extensions.transport_sockets.tls.v3.Secret': ['session_ticket_keys', 'generic_secret'],
  'envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher': ['oid'],
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': ['max_session_keys'],
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig': ['http_protocol_options'],
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig': [
    'http_protocol_options',
    'http3_protocol_options',
  ],
  'envoy.extensions.wasm.v3.VmConfig': ['allow_precompiled', 'nack_on_code_cache_miss'],
  'envoy.type.v3.HashPolicy': ['filter_state'],
  'xds.core.v3.TypedExtensionConfig': ['name', 'typed_config'],
}
