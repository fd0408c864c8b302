/** Behind the path, each of them one word. */
export const OPERATORS = [
  ...['REQ(:METHOD)', 'PROTOCOL', 'RESPONSE_CODE', 'RESPONSE_FLAGS', 'RESPONSE_CODE_DETAILS'],
  ...['BYTES_RECEIVED', 'BYTES_SENT', 'UPSTREAM_REQUEST_ATTEMPT_COUNT'],
]
const FORMAT = `${['REQ(:PATH)', ...OPERATORS].map((name) => `%${name}%`).join(' ')}\n`

/** An access log of what becomes of each stream. */
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
