import { fileLog } from './log.ts'
import type { Trial } from './trial.ts'

const TYPE = 'type.googleapis.com/envoy.extensions'
/** A listener that logs to `log`. */
export function listenerOf(name: string, { manager, routes }: Trial, port: number, log: string): unknown {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'in',
              ...manager,
              route_config: { name: 'local', ...routes },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` },
                },
              ],
              access_log: [fileLog(log)],
            },
          },
        ],
      },
    ],
  }
}
