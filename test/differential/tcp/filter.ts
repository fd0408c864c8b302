/** A network filter; one that is `tcp_proxy` logs and counts under the name of its trial. */
export function networkFilter(type: string, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const config = type.endsWith('.TcpProxy') ? { stat_prefix: '$id', access_log: [LOG], ...fields } : fields
  const cluster = 'cluster' in config || 'weighted_clusters' in config ? {} : { cluster: '$id-up' }
  const named = type.endsWith('.TcpProxy') ? cluster : {}
  return { name: type, typed_config: { '@type': `${EXTENSIONS}.filters.network.${type}`, ...config, ...named } }
}

const EXTENSIONS = 'type.googleapis.com/envoy.extensions'
const OPERATORS = [
  ...['RESPONSE_FLAGS', 'BYTES_RECEIVED', 'BYTES_SENT', 'UPSTREAM_TRANSPORT_FAILURE_REASON', 'UPSTREAM_CLUSTER'],
  ...['CONNECTION_TERMINATION_DETAILS', 'RESPONSE_CODE', 'RESPONSE_CODE_DETAILS', 'PROTOCOL', 'UPSTREAM_HOST'],
  ...['UPSTREAM_REQUEST_ATTEMPT_COUNT', 'ACCESS_LOG_TYPE', 'REQUESTED_SERVER_NAME'],
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
]
const FORMAT = `${OPERATORS.map((name) => `%${name}%`).join(' ')}\n`
const LOG = {
  name: 'log',
  typed_config: {
    '@type': `${EXTENSIONS}.access_loggers.file.v3.FileAccessLog`,
    path: '$log',
    log_format: { text_format_source: { inline_string: FORMAT } },
  },
}
