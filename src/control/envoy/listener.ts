import { stdoutAccessLog } from './access-log.ts'
import { ADS } from './ads-source.ts'
import { type Config, envoyType } from './config.ts'

/** A filter chain with a connection manager. */
export interface HttpChain {
  readonly routeConfig: string
  readonly httpFilters: readonly Config[]
  readonly networkFilters: readonly Config[]
  /** For a chain that terminates TLS: the SDS names and the server names it is for. */
  readonly tls?: ChainTls
}

/** TLS of a chain, by the names of its secrets. */
export interface ChainTls {
  readonly secret: string
  readonly validation: string | undefined
  readonly serverNames: readonly string[]
}

/** `0.0.0.0_8080`, as Istio names listeners. */
function listenerName(bind: string, port: number): string {
  return `${bind}_${port}`
}

/** A gateway's listener: one chain for plain HTTP, or one for each server that terminates TLS. */
export function httpListener(bind: string, port: number, chains: readonly HttpChain[]): Config {
  const name = listenerName(bind, port)
  const tls = chains.some((chain) => chain.tls !== undefined)
  return {
    name,
    address: { socket_address: { address: bind, port_value: port } },
    filter_chains: chains.map((chain) => filterChain(name, chain)),
    listener_filters: tls ? [TLS_INSPECTOR] : undefined,
    traffic_direction: 'OUTBOUND',
  }
}

const TLS_INSPECTOR = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': envoyType('extensions.filters.listener.tls_inspector.v3.TlsInspector') },
}

function filterChain(listener: string, chain: HttpChain): Config {
  const { tls } = chain
  const any = tls === undefined || tls.serverNames.includes('*')
  return {
    filter_chain_match: any ? undefined : { server_names: tls.serverNames },
    filters: [...chain.networkFilters, connectionManager(listener, chain)],
    transport_socket: tls === undefined ? undefined : downstreamTls(tls),
  }
}

function connectionManager(listener: string, chain: HttpChain): Config {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': envoyType('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: `outbound_${listener}`,
      rds: { config_source: ADS, route_config_name: chain.routeConfig },
      http_filters: chain.httpFilters,
      access_log: [stdoutAccessLog()],
      server_name: 'istio-envoy',
      // A gateway is the edge: the peer's address is the client's.
      use_remote_address: true,
      normalize_path: true,
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      // Long streams are the application's to end.
      stream_idle_timeout: '0s',
    },
  }
}

function downstreamTls({ secret, validation }: ChainTls): Config {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': envoyType('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
        tls_certificate_sds_secret_configs: [{ name: secret, sds_config: ADS }],
        validation_context_sds_secret_config:
          validation === undefined ? undefined : { name: validation, sds_config: ADS },
      },
      require_client_certificate: validation === undefined ? undefined : true,
    },
  }
}
