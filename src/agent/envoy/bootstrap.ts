import type { JsonObject } from '@bufbuild/protobuf'

/** As whom a proxy introduces itself to the control plane. */
export interface EnvoyNode {
  readonly id: string
  readonly cluster: string
  readonly metadata: JsonObject
}

/** What the bootstrap of an Envoy beside the agent is made of. */
export interface BootstrapOptions {
  readonly node: EnvoyNode
  readonly adminPort: number
  /** Where the agent serves ADS to this Envoy, on 127.0.0.1. */
  readonly xdsPort: number
  readonly delta: boolean
}

/**
 * The bootstrap of an Envoy that takes everything by ADS from the agent beside it. What the agent needs is in it and nothing else; the
 * tags make the metrics of a Wasm extension legible as Istio's dashboards expect them.
 */
export function envoyBootstrap({ node, adminPort, xdsPort, delta }: BootstrapOptions): JsonObject {
  const local = (port: number): JsonObject => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const ads: JsonObject = { ads: {}, resource_api_version: 'V3' }
  const http = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  return {
    node: { id: node.id, cluster: node.cluster, metadata: node.metadata },
    admin: { address: local(adminPort) },
    stats_config: { stats_tags: [{ tag_name: 'wasm_filter', regex: 'wasm_filter\\.(.+?)\\.' }] },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: delta ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-agent' } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-agent',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            [http]: { '@type': `type.googleapis.com/${http}`, explicit_http_config: { http2_protocol_options: {} } },
          },
          load_assignment: {
            cluster_name: 'xds-agent',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: local(xdsPort) } }] }],
          },
        },
      ],
    },
  }
}
