/** The same bootstrap for both proxies. */
const TYPE = 'type.googleapis.com/envoy.extensions'

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

/** A listener with a connection manager. `fields` go into the manager. */
export function listener(name: string, routes: readonly unknown[], fields: object = {}): unknown {
  return {
    name,
    address: address(0),
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              route_config: { name: 'local', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` },
                },
              ],
              ...fields,
            },
          },
        ],
      },
    ],
  }
}

/** HTTP/2 alone, with small windows and 100 streams. */
export const HTTP2_LISTENER = {
  codec_type: 'HTTP2',
  http2_protocol_options: {
    max_concurrent_streams: 100,
    initial_stream_window_size: 65_535,
    initial_connection_window_size: 65_535,
  },
}

export function cluster(name: string, port: number, rest: object = {}): unknown {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints },
    ...rest,
  }
}

const upstream = (explicit_http_config: object, rest: object = {}) => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config,
      ...rest,
    },
  },
})

export const HTTP1_UPSTREAM = upstream({ http_protocol_options: { enable_trailers: true } })
/** For one request a connection, so that what comes late for one does not meet another. */
const ONCE = { common_http_protocol_options: { max_requests_per_connection: 1 } }
export const HTTP1_UPSTREAM_ONCE = upstream({ http_protocol_options: { enable_trailers: true } }, ONCE)
export const HTTP2_UPSTREAM = upstream({ http2_protocol_options: {} })
export const HTTP2_UPSTREAM_ONCE = upstream({ http2_protocol_options: {} }, ONCE)

export function bootstrap(listeners: readonly unknown[], clusters: readonly unknown[]): unknown {
  return { admin: { address: address(0) }, static_resources: { listeners, clusters } }
}
