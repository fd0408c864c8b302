import { TLS } from '../../src/proxy/listener/testing.ts'
import { FILTERS } from '../../src/proxy/testing.ts'

/** Any port of this machine. */
export function address() {
  return { socket_address: { address: '127.0.0.1', port_value: 0 } }
}

/** A listener whose certificate comes as `source` of an `sds_config` says, and the one that client certificates are checked with as `ca`. */
export function listener(name: string, source: object, ca?: object) {
  const sds = (secret: string, from: object) => ({
    name: secret,
    sds_config: { ...from, resource_api_version: 'V3' },
  })
  return {
    name,
    stat_prefix: name,
    address: address(),
    filter_chains: [
      {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': `${TLS}.DownstreamTlsContext`,
            ...(ca === undefined ? {} : { require_client_certificate: true }),
            common_tls_context: {
              tls_certificate_sds_secret_configs: [sds(name, source)],
              ...(ca === undefined ? {} : { validation_context_sds_secret_config: sds('ca', ca) }),
            },
          },
        },
        filters: [
          {
            name: 'hcm',
            typed_config: {
              '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              route_config: {
                virtual_hosts: [
                  { name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
                ],
              },
              http_filters: [{ name: 'router', typed_config: { '@type': `${FILTERS}.http.router.v3.Router` } }],
            },
          },
        ],
      },
    ],
  }
}
