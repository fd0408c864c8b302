import { type Config, envoyType } from './config.ts'

/** Istio's default text format (`EnvoyTextLogFormat`). */
const TEXT_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% ' +
  '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% ' +
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ' +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ' +
  '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% ' +
  '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n'

/**
 * One line per request on the proxy's standard output. Not Istio's file logger on /dev/stdout: that cannot be opened where
 * standard output is a socket.
 */
export function stdoutAccessLog(): Config {
  return {
    name: 'envoy.access_loggers.stdout',
    typed_config: {
      '@type': envoyType('extensions.access_loggers.stream.v3.StdoutAccessLog'),
      log_format: { text_format_source: { inline_string: TEXT_FORMAT } },
    },
  }
}
