const TYPE = 'type.googleapis.com/envoy.extensions'

/** What stands in the bootstrap besides one listener, one connection manager, one route and one upstream. */
export interface BootstrapParts {
  /** In front of the router. */
  readonly filters?: readonly string[]
  /** Fields of the connection manager. */
  readonly hcm?: string
  /** Fields of the route's action, each behind a comma. */
  readonly route?: string
  /** Fields of the filter chain. */
  readonly tls?: string
}

/** For Sluice and Envoy alike. */
export function bootstrap(parts: BootstrapParts, port: number, upstream: number): string {
  const { filters = [], hcm = '', route = '', tls = '' } = parts
  const router = `{ name: router, typed_config: { "@type": ${TYPE}.filters.http.router.v3.Router } }`
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
          http_filters: [${[...filters, router].join(', ')}]
          ${hcm}
      ${tls}
  clusters:
  - name: up
    type: STATIC
    load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstream} } } } }] }] }
`
}
