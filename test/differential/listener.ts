import { TAG, type Trial } from './trial.ts'

const TYPE = 'type.googleapis.com/envoy.extensions'
const LOG =
  `%REQ(${TAG})% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% route=%ROUTE_NAME% %PROTOCOL% ` +
  'in=%BYTES_RECEIVED% out=%BYTES_SENT% try=%UPSTREAM_REQUEST_ATTEMPT_COUNT% from=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n'

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
              access_log: [
                {
                  name: 'envoy.access_loggers.file',
                  typed_config: {
                    '@type': `${TYPE}.access_loggers.file.v3.FileAccessLog`,
                    path: log,
                    log_format: { text_format_source: { inline_string: LOG } },
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  }
}
