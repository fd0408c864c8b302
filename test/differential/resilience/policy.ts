/** How requests may be tried again, for how long, and when hosts are given up. */
import type { Dice } from '../filters/dice.ts'

export type Config = Readonly<Record<string, unknown>>

/** Times are so far apart that it is certain what comes first: a try in silence, a try, an answer that is late, the request. */
const TRY_IDLE = '0.1s'
const TRY = '0.2s'
export const LATE_MS = 320
const REQUEST = ['0.5s', '0.5s', '0.9s']

const CONDITIONS = [
  ...['5xx', '5xx', '5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'retriable-4xx'],
  ...['refused-stream', 'retriable-status-codes', 'retriable-headers', 'envoy-ratelimited', 'cancelled'],
  ...['deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable', 'http3-post-connect-failure'],
]

export function may<T extends object>(dice: Dice, share: number, fields: () => T): T | Record<string, never> {
  return dice.chance(share) ? fields() : {}
}

export function conditions(dice: Dice): string {
  return dice.list(1, 2, () => dice.pick(CONDITIONS)).join(dice.pick([',', ', ']))
}

const HEADER_MATCHES = [
  { name: 'x-again', present_match: true },
  { name: 'x-again', string_match: { exact: 'yes' } },
  { name: 'x-again', string_match: { exact: 'yes' }, invert_match: true },
  { name: ':status', string_match: { prefix: '5' } },
]

const REQUEST_MATCHES = [
  { name: ':method', string_match: { exact: 'GET' } },
  { name: 'x-mine', present_match: true },
]

/** `small`: the base of the back-off. */
export function retryPolicy(dice: Dice): Config {
  return {
    ...may(dice, 0.95, () => ({ retry_on: conditions(dice) })),
    ...may(dice, 0.7, () => ({ num_retries: dice.pick([0, 1, 1, 2, 2, 3]) })),
    ...may(dice, 0.4, () => ({ per_try_timeout: dice.pick([TRY, TRY, TRY, '0s', '5s']) })),
    ...may(dice, 0.15, () => ({ per_try_idle_timeout: dice.pick([TRY_IDLE, TRY_IDLE, '0s']) })),
    ...may(dice, 0.3, () => ({ retriable_status_codes: dice.pick([[404], [429, 503], [200], [100]]) })),
    ...may(dice, 0.3, () => ({ retriable_headers: [dice.pick(HEADER_MATCHES)] })),
    ...may(dice, 0.1, () => ({ retriable_request_headers: [dice.pick(REQUEST_MATCHES)] })),
    retry_back_off: dice.pick([{ base_interval: '0.001s' }, { base_interval: '0.001s', max_interval: '0.005s' }]),
    ...may(dice, 0.15, () => ({
      rate_limited_retry_back_off: {
        reset_headers: [{ name: 'retry-after', format: 'SECONDS' }],
        ...may(dice, 0.5, () => ({ max_interval: dice.pick(['0.3s', '2s']) })),
      },
    })),
    ...may(dice, 0.2, () => ({
      retry_host_predicate: [
        {
          name: 'envoy.retry_host_predicates.previous_hosts',
          typed_config: { '@type': '~extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate' },
        },
      ],
      ...may(dice, 0.5, () => ({ host_selection_retry_max_attempts: dice.pick([1, 3, 8]) })),
    })),
  }
}

/** Every request has an end. */
export function times(dice: Dice): Config {
  if (dice.chance(0.08)) return { max_stream_duration: { max_stream_duration: dice.pick(['0.5s', '0.3s']) } }
  if (dice.chance(0.08)) return { max_stream_duration: { max_stream_duration: '0.9s', ...grpcLimits(dice) } }
  if (dice.chance(0.1)) return { timeout: '0s', idle_timeout: '0.7s' }
  return {
    timeout: dice.pick(REQUEST),
    ...may(dice, 0.15, () => ({ idle_timeout: dice.pick(['0.3s', '0.7s', '0s']) })),
    ...may(dice, 0.15, () => ({ max_grpc_timeout: dice.pick(['0.4s', '0.6s']) })),
  }
}

function grpcLimits(dice: Dice): Config {
  return {
    grpc_timeout_header_max: dice.pick(['0s', '0.6s']),
    ...may(dice, 0.3, () => ({ grpc_timeout_header_offset: '0.05s' })),
  }
}

export const hedges = (dice: Dice): Config =>
  may(dice, 0.2, () => ({ hedge_policy: { hedge_on_per_try_timeout: dice.chance(0.85) } }))

/** Of one priority. */
function threshold(dice: Dice): Config {
  return {
    ...may(dice, 0.3, () => ({ priority: 'HIGH' })),
    ...may(dice, 0.5, () => ({ max_retries: dice.pick([0, 1, 1]) })),
    ...may(dice, 0.2, () => ({ max_requests: dice.pick([0, 1, 1, 2]) })),
    ...may(dice, 0.2, () => ({ max_pending_requests: dice.pick([0, 1, 1]) })),
    ...may(dice, 0.2, () => ({ max_connections: dice.pick([0, 1, 1]) })),
    ...may(dice, 0.2, () => ({
      retry_budget: {
        ...may(dice, 0.5, () => ({ budget_percent: { value: dice.pick([0, 50, 100]) } })),
        ...may(dice, 0.7, () => ({ min_retry_concurrency: dice.pick([0, 1]) })),
      },
    })),
    ...may(dice, 0.3, () => ({ track_remaining: true })),
  }
}

export const breakers = (dice: Dice): Config =>
  may(dice, 0.2, () => ({ circuit_breakers: { thresholds: [threshold(dice)] } }))

/** `calm`: nothing is tried again. Else it may be before Envoy has told its worker of an ejected host, and every host must do. */
export function outliers(dice: Dice, calm: boolean): Config {
  const few = () => dice.pick([1, 1, 2, 3])
  return may(dice, 0.25, () => ({
    outlier_detection: {
      interval: '300s',
      ...may(dice, 0.7, () => ({ consecutive_5xx: few() })),
      ...may(dice, 0.5, () => ({ consecutive_gateway_failure: few() })),
      ...may(dice, 0.5, () => ({ enforcing_consecutive_gateway_failure: 100 })),
      ...may(dice, 0.2, () => ({ enforcing_consecutive_5xx: 0 })),
      ...may(dice, 0.4, () => ({
        split_external_local_origin_errors: true,
        ...may(dice, 0.7, () => ({ consecutive_local_origin_failure: few() })),
      })),
      ...may(dice, 0.8, () => ({ max_ejection_percent: dice.pick([0, 10, 50, 100, 100]) })),
      ...may(dice, 0.2, () => ({ always_eject_one_host: true })),
    },
    common_lb_config: {
      // Envoy would tell its workers of a second host up to a second later.
      update_merge_window: '0s',
      healthy_panic_threshold: { value: calm ? dice.pick([0, 0, 50, 100]) : 100 },
    },
  }))
}
