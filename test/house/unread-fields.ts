/** Fields that are taken without being read. Each entry must be true: one that is read or refused by now fails the test. */

const NAME = 'a name for people and for finding by type; the typed config decides'
const RUNTIME = 'layered_runtime takes no key that could replace the default'
const NODE = 'sent to the management server as it came'

const KEEPALIVE = 'Node sets keepalive_time alone; libuv sends ten probes, one each second'
const ZONE = 'nothing without cluster_manager.local_cluster_name, in Envoy neither'

/** Taken knowingly: ignoring these is right. Message, field, reason. */
export const WITHOUT_EFFECT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'envoy.config.bootstrap.v3.Admin': {
    access_log: 'the admin endpoint keeps no log of its requests; the start of the proxy says so',
    access_log_path: 'the same, as it was written before',
    profile_path: 'there is no /cpuprofiler that would write there',
    ignore_global_conn_limit: 'connections to the admin endpoint are never counted or limited',
  },
  'envoy.config.core.v3.ApiConfigSource': {
    transport_api_version: 'V3 is the only one that is left; Envoy refuses the others',
    set_node_on_first_message_only: 'the node is always sent with the first message only',
  },
  'envoy.config.core.v3.AsyncDataSource': {
    remote: 'whatever is not local is refused: the agent turns remote modules into files',
  },
  'envoy.config.core.v3.BackoffStrategy': {
    max_interval: 'of reload_config, where Envoy has a jittered interval without an upper end, too',
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
  'envoy.config.core.v3.RuntimeDouble': {
    runtime_key: RUNTIME,
  },
  'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig': {
    routing_enabled: ZONE,
    min_cluster_size: ZONE,
  },
  'envoy.config.core.v3.ConfigSource': {
    resource_api_version: 'V3 is the only one that is left; Envoy refuses the others',
  },
  'envoy.config.core.v3.GrpcService.GoogleGrpc': {
    stat_prefix: 'required by Envoy, for statistics of the gRPC library',
  },
  'envoy.config.core.v3.Metadata': {
    typed_filter_metadata: 'only extensions of C++ read it, and those are refused themselves',
  },
  'envoy.config.route.v3.RouteConfiguration': {
    metadata: 'Envoy itself only hands it to specifier plugins of clusters, which are refused',
  },
  'envoy.config.core.v3.SocketOption': {
    description: 'for people',
  },
  'envoy.config.listener.v3.Listener': {
    enable_reuse_port: 'how workers come by their share of the connections; each always has a socket of its own',
    reuse_port: 'the same, as it was written before',
    connection_balance_config: 'asks for an even share for each worker, which the kernel gives more or less',
    max_connections_to_accept_per_socket_event: 'how an event loop of Envoy takes turns between accepting and serving',
  },
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': {
    disable_stateful_session_resumption: 'there is no cache of sessions; they are resumed by tickets alone',
  },
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': {
    max_session_keys: 'sessions with upstreams are never resumed, as with 0; each handshake is a full one',
  },
  'envoy.config.listener.v3.FilterChain': {
    metadata: 'for people; no filter that is supported reads it',
  },
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz': {
    transport_api_version: 'V3 is the only one that is left; Envoy refuses the others',
  },
  'envoy.config.route.v3.WeightedCluster': {
    runtime_key_prefix: RUNTIME,
    total_weight: 'deprecated; Envoy takes the sum of the weights, too',
  },
  'envoy.extensions.wasm.v3.VmConfig': {
    allow_precompiled: 'permits another way to the same result',
    nack_on_code_cache_miss: 'of remote modules, which the agent fetches before the proxy hears of them',
  },
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': {
    sds_config: "secrets are asked of the proxy's one management server, as Istio's agent wants it",
  },
  'envoy.config.accesslog.v3.RuntimeFilter': {
    runtime_key: RUNTIME,
  },
  'envoy.config.cluster.v3.TrackClusterStats': {
    per_endpoint_stats: '/clusters always tells the numbers of each endpoint',
  },
  'envoy.config.core.v3.Node': {
    dynamic_parameters: NODE,
    user_agent_version: NODE,
    user_agent_build_version: NODE,
    extensions: NODE,
    client_features: NODE,
    listening_addresses: NODE,
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
  'envoy.config.core.v3.TcpKeepalive': {
    keepalive_interval: KEEPALIVE,
    keepalive_probes: KEEPALIVE,
  },
  'envoy.config.core.v3.TransportSocket': {
    name: NAME,
  },
  'envoy.config.listener.v3.ListenerFilter': {
    name: NAME,
  },
  'envoy.type.matcher.v3.RegexMatcher': {
    google_re2: 'deprecated; RE2 is what there is',
  },
}

/** Still to be refused, read, or moved to the list above with a reason. */
export const UNDECIDED: Readonly<Record<string, readonly string[]>> = {
  'envoy.config.accesslog.v3.RuntimeFilter': ['use_independent_randomness'],
  'envoy.config.bootstrap.v3.Admin': ['socket_options'],
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
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds': ['track_remaining'],
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': ['eds_config'],
  'envoy.config.core.v3.ApiConfigSource': ['api_type'],
  'envoy.config.core.v3.ConfigSource': ['api_config_source'],
  'envoy.config.core.v3.SubstitutionFormatString': ['json_format_options'],
  'envoy.config.endpoint.v3.Endpoint.AdditionalAddress': ['address'],
  'envoy.config.endpoint.v3.LocalityLbEndpoints': ['metadata'],
  'envoy.config.listener.v3.Listener': ['drain_type'],
  'envoy.config.metrics.v3.StatsConfig': ['use_all_default_tags', 'stats_matcher', 'histogram_bucket_settings'],
  'envoy.config.metrics.v3.TagSpecifier': ['fixed_value'],
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate': ['typed_config'],
  'envoy.config.trace.v3.Tracing.Http': ['name'],
  'envoy.extensions.compression.brotli.compressor.v3.Brotli': ['chunk_size'],
  'envoy.extensions.compression.gzip.compressor.v3.Gzip': ['chunk_size'],
  'envoy.extensions.filters.http.fault.v3.HTTPFault': ['disable_downstream_cluster_stats'],
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig': ['emit_filter_state'],
  'envoy.extensions.filters.http.jwt_authn.v3.JwtProvider': ['jwt_cache_config'],
  'envoy.extensions.filters.http.rbac.v3.RBAC': ['track_per_rule_stats'],
}
