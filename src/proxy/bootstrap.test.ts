import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkBootstrap, parseBootstrap, settingsWithoutEffect } from './bootstrap.ts'

/** What istio-agent writes for a sidecar or gateway, shortened to one of each kind. */
const ISTIO = `
application_log_config: { log_format: { text_format: "%Y-%m-%dT%T.%fZ\\t%l\\tenvoy %n %g:%#\\t%v\\tthread=%t" } }
node: { id: router~10.0.0.1~gw.a~a.svc.cluster.local, cluster: gw.a, locality: {}, metadata: { ENVOY_STATUS_PORT: 15021 } }
layered_runtime:
  layers:
  - name: global config
    static_layer: { "overload.global_downstream_max_connections": "2147483647", "re2.max_program_size.error_level": "32768", "envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst": true, "envoy.reloadable_features.http_reject_path_with_fragment": false }
  - { name: admin, admin_layer: {} }
stats_config:
  use_all_default_tags: false
  stats_tags: [{ tag_name: cluster_name, regex: "^cluster\\\\.((.+?)\\\\.)" }, { tag_name: proxy, fixed_value: gateway }]
  stats_matcher: { inclusion_list: { patterns: [{ prefix: cluster_manager }] } }
admin:
  access_log: [{ name: envoy.access_loggers.file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null } }]
  profile_path: /var/lib/istio/data/envoy.prof
  address: { socket_address: { address: 127.0.0.1, port_value: 15000 } }
typed_dns_resolver_config: { name: envoy.network.dns_resolver.cares, typed_config: { "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, udp_max_queries: 100 } }
overload_manager:
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config: { "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 2147483647 }
dynamic_resources:
  lds_config: { ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3 }
  cds_config: { ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3 }
  ads_config: { "set_node_on_first_message_only": true, api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: xds-grpc } }] }
static_resources:
  clusters:
  - name: xds-grpc
    type: STATIC
    connect_timeout: 1s
    load_assignment: { cluster_name: xds-grpc, endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: ./etc/istio/proxy/XDS } } } }] }] }
`

test("Istio's bootstrap is taken, and the log says what of it changes nothing", () => {
  const bootstrap = parseBootstrap(ISTIO, 'istio')
  checkBootstrap(bootstrap)
  assert.deepEqual(settingsWithoutEffect(bootstrap), [
    'stats_config',
    'application_log_config',
    'admin.access_log',
    're2.max_program_size.error_level',
    'envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst',
    'envoy.reloadable_features.http_reject_path_with_fragment',
  ])
})

describe('refused with the path', () => {
  const resolver = (type: string, fields = '') =>
    `typed_dns_resolver_config: { name: a, typed_config: { "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.${type}${fields} } }`
  const credentials = 'channel_credentials: { ssl_credentials: {} }'
  for (const [yaml, error] of [
    ['stats_sinks: [{ name: envoy.stat_sinks.statsd }]', /bootstrap\.stats_sinks/],
    ['tracing: { http: { name: zipkin } }', /bootstrap\.tracing/],
    ['flags_path: /x', /bootstrap\.flags_path/],
    [
      'cluster_manager: { local_cluster_name: here }',
      /bootstrap\.cluster_manager\.local_cluster_name: there is no static cluster "here"/,
    ],
    ['admin: { socket_options: [{ level: 1, name: 2, int_value: 1 }] }', /bootstrap\.admin\.socket_options/],
    [
      resolver(
        'cares.v3.CaresDnsResolverConfig',
        ', resolvers: [{ socket_address: { address: 10.0.0.1, port_value: 53 } }]',
      ),
      /bootstrap\.typed_dns_resolver_config\.typed_config\.resolvers/,
    ],
    [
      `dynamic_resources: { ads_config: { api_type: GRPC, grpc_services: [{ google_grpc: { target_uri: a, ${credentials} } }] } }`,
      /ads_config\.grpc_services\[0\]\.google_grpc\.channel_credentials/,
    ],
  ] as const)
    test(String(error), () => assert.throws(() => checkBootstrap(parseBootstrap(yaml, 'test')), error))
})
