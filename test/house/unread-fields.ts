/** Fields that are taken without being read. Each entry must be true: one that is read or refused by now fails the test. */

const NAME = 'a name for people and for finding by type; the typed config decides'
const RUNTIME = 'layered_runtime takes no key that could replace the default'
const NODE = 'sent to the management server as it came'

const KEEPALIVE = 'Node sets keepalive_time alone; libuv sends ten probes, one each second'

/** Taken knowingly: ignoring these is right. Message, field, reason. */
export const WITHOUT_EFFECT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'envoy.config.accesslog.v3.ExtensionFilter': {
    name: NAME,
  },
  'envoy.config.bootstrap.v3.Admin': {
    profile_path: 'there is no /cpuprofiler that would write there',
    ignore_global_conn_limit: 'connections to the admin endpoint are never counted or limited',
  },
  'envoy.config.bootstrap.v3.Bootstrap': {
    application_log_config: "the form of the program's own log, which is JSON here; the start of the proxy says so",
    deferred_stat_options: 'when Envoy makes its counters',
    stats_flush_interval: 'nothing is flushed: sinks of statistics are refused',
    watchdogs: "guard Envoy's threads; a thread here that ends is replaced, and fuel bounds what extensions do",
  },
  'envoy.config.bootstrap.v3.ClusterManager': {
    enable_deferred_cluster_creation: 'when Envoy makes its clusters',
  },
  'envoy.config.bootstrap.v3.RuntimeLayer': {
    name: 'for people',
    disk_layer: 'refused with all layers but static and admin ones',
    rtds_layer: 'the same',
  },
  'envoy.config.overload.v3.ResourceMonitor': {
    name: NAME,
  },
  'envoy.config.overload.v3.Trigger': {
    scaled: 'refused with all triggers but thresholds',
  },
  'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig': {
    udp_max_queries: 'how often c-ares opens a socket anew',
  },
  'envoy.config.metrics.v3.StatsConfig': {
    use_all_default_tags: "Envoy's own tags are always taken out of names",
    stats_matcher: 'spares Envoy the memory of counters; all are kept here, and the start of the proxy says so',
    histogram_bucket_settings: 'finer or coarser buckets in /stats; the start of the proxy says so',
  },
  'envoy.config.trace.v3.Tracing.Http': {
    name: NAME,
  },
  'envoy.config.endpoint.v3.LocalityLbEndpoints': {
    metadata: 'for policies written in C++, which are refused',
  },
  'envoy.extensions.filters.http.jwt_authn.v3.JwksAsyncFetch': {
    fast_listener: 'a listener never waits for keys; the requests that need them do',
  },
  'envoy.config.core.v3.SubstitutionFormatString': {
    json_format_options: 'sort_properties: properties are always sorted',
  },
  'envoy.config.core.v3.ApiConfigSource': {
    transport_api_version: 'V3 is the only one that is left; Envoy refuses the others',
    set_node_on_first_message_only: 'the node is always sent with the first message only',
  },
  'envoy.config.core.v3.AsyncDataSource': {
    remote: 'whatever is not local is refused: the agent turns remote modules into files',
  },
  'envoy.config.cluster.v3.Cluster': {
    cleanup_interval: 'of clusters ORIGINAL_DST, which are refused',
  },
  'envoy.config.cluster.v3.Cluster.CommonLbConfig': {
    update_merge_window: 'how long Envoy gathers changes to spare itself work; here each counts at once',
  },
  'envoy.config.core.v3.RuntimeDouble': {
    runtime_key: RUNTIME,
  },
  'envoy.config.core.v3.ConfigSource': {
    resource_api_version: 'V3 is the only one that is left; Envoy refuses the others',
    api_config_source:
      "secrets are asked of the proxy's one management server, as Istio's agent wants it; of all else only ads is taken",
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
  'envoy.config.accesslog.v3.RuntimeFilter': {
    runtime_key: RUNTIME,
    use_independent_randomness: 'as it always is here',
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
  'envoy.config.cluster.v3.Filter': {
    name: NAME,
  },
  'envoy.type.matcher.v3.RegexMatcher': {
    google_re2: 'deprecated; RE2 is what there is',
  },
  'xds.core.v3.TypedExtensionConfig': {
    name: 'the type says what it is',
  },
  'xds.type.matcher.v3.RegexMatcher': {
    google_re2: 'RE2 is what there is',
  },
}
