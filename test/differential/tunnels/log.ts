/** Says which client asks. */
export const NUMBER = 'x-n'
const OPERATORS = [
  `REQ(${NUMBER})`,
  ...['REQ(:METHOD)', 'PROTOCOL', 'RESPONSE_CODE', 'RESPONSE_FLAGS', 'RESPONSE_CODE_DETAILS', 'ROUTE_NAME'],
  ...['BYTES_RECEIVED', 'BYTES_SENT', 'UPSTREAM_REQUEST_ATTEMPT_COUNT', 'UPSTREAM_TRANSPORT_FAILURE_REASON'],
  ...['UPSTREAM_PROTOCOL', 'CONNECTION_TERMINATION_DETAILS', 'ACCESS_LOG_TYPE'],
]
const FORMAT = `${OPERATORS.map((name) => `%${name}%`).join(' ')}\n`

/** An access log of what becomes of tunnels. */
export function log(path: string): unknown {
  return {
    name: 'log',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      log_format: { text_format_source: { inline_string: FORMAT } },
    },
  }
}
