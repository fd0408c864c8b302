const TYPE = 'type.googleapis.com/envoy.extensions'

/** A bootstrap for Sluice and Envoy alike: one listener, one connection manager, one upstream. `route` adds to the route's action. */
export function plainBootstrap(port: number, upstream: number, route = ''): string {
  return `
static_resources:
  listeners:
  - name: web
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up${route} } }] }] }
          http_filters: [{ name: router, typed_config: { "@type": ${TYPE}.filters.http.router.v3.Router } }]
  clusters:
  - name: up
    type: STATIC
    load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstream} } } } }] }] }
`
}
