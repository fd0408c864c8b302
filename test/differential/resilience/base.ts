import type { Case } from '../../parity/case.ts'
import type { Config } from './policy.ts'

const LOG =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% in=%BYTES_RECEIVED% out=%BYTES_SENT% ' +
  'try=%UPSTREAM_REQUEST_ATTEMPT_COUNT% to=%UPSTREAM_CLUSTER% failure=%UPSTREAM_TRANSPORT_FAILURE_REASON% grpc=%GRPC_STATUS%'

/** What every trial has. */
export function base(id: string): Omit<Case, 'steps'> {
  return {
    id,
    what: 'generated',
    log: `%REQ(:PATH)% ${LOG}`,
    logged: [],
    stats: Object.fromEntries([`cluster.${id.replaceAll('.', '_')}-`, `http.${id}.`].map((one) => [one, {}])),
  }
}

export function manager(id: string): Config {
  return {
    stat_prefix: id,
    http_protocol_options: { enable_trailers: true },
    // Else Envoy tells a client a second later that its answer was cut short, and what mirrors do meanwhile is another trial.
    delayed_close_timeout: '0s',
  }
}
