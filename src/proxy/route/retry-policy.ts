import type { RetryPolicy as RetryPolicyProto } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { RetryPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { type HeaderMatch, headerMatch } from '../match/header.ts'

/** Why an attempt failed. */
export const RetryOn = {
  '5xx': 1 << 0,
  'gateway-error': 1 << 1,
  reset: 1 << 2,
  'connect-failure': 1 << 3,
  'retriable-4xx': 1 << 4,
  'refused-stream': 1 << 5,
  'retriable-status-codes': 1 << 6,
  'retriable-headers': 1 << 7,
  'reset-before-request': 1 << 8,
  cancelled: 1 << 9,
  'deadline-exceeded': 1 << 10,
  internal: 1 << 11,
  'resource-exhausted': 1 << 12,
  unavailable: 1 << 13,
  'envoy-ratelimited': 1 << 14,
  'http3-post-connect-failure': 1 << 15,
} as const

const GRPC_RETRY: Readonly<Record<string, number>> = {
  '1': RetryOn.cancelled,
  '4': RetryOn['deadline-exceeded'],
  '13': RetryOn.internal,
  '8': RetryOn['resource-exhausted'],
  '14': RetryOn.unavailable,
}

const FIELDS = [
  'retry_on',
  'num_retries',
  'per_try_timeout',
  'per_try_idle_timeout',
  'retry_host_predicate',
  'host_selection_retry_max_attempts',
  'retriable_status_codes',
  'retry_back_off',
  'retriable_headers',
  'retriable_request_headers',
]

/** A compiled RetryPolicy. */
export class RetryPolicy {
  readonly on: number
  readonly retries: number
  readonly perTryTimeoutMs: number
  readonly perTryIdleTimeoutMs: number
  readonly backOffBaseMs: number
  readonly backOffMaxMs: number
  /** `envoy.retry_host_predicates.previous_hosts` */
  readonly avoidPreviousHosts: boolean
  readonly hostSelectionAttempts: number
  readonly #statusCodes: ReadonlySet<number>
  readonly #headers: readonly HeaderMatch[]
  readonly #requestHeaders: readonly HeaderMatch[]

  constructor(policy: RetryPolicyProto, path: string) {
    onlyFields(RetryPolicySchema, policy, FIELDS, path)
    this.on = parseRetryOn(policy.retryOn, `${path}.retry_on`)
    this.retries = policy.numRetries ?? 1
    this.perTryTimeoutMs = durationMs(policy.perTryTimeout, 0)
    this.perTryIdleTimeoutMs = durationMs(policy.perTryIdleTimeout, 0)
    this.backOffBaseMs = durationMs(policy.retryBackOff?.baseInterval, 25)
    this.backOffMaxMs = durationMs(policy.retryBackOff?.maxInterval, this.backOffBaseMs * 10)
    if (this.backOffMaxMs < this.backOffBaseMs)
      throw invalid(`${path}.retry_back_off`, 'max_interval below base_interval')
    this.#statusCodes = new Set(policy.retriableStatusCodes)
    this.#headers = policy.retriableHeaders.map((m, i) => headerMatch(m, `${path}.retriable_headers[${i}]`))
    this.#requestHeaders = policy.retriableRequestHeaders.map((m, i) =>
      headerMatch(m, `${path}.retriable_request_headers[${i}]`),
    )
    policy.retryHostPredicate.forEach((predicate, i) => {
      if (predicate.name !== 'envoy.retry_host_predicates.previous_hosts') {
        throw unsupported(`${path}.retry_host_predicate[${i}]`, predicate.name)
      }
    })
    this.avoidPreviousHosts = policy.retryHostPredicate.length > 0
    this.hostSelectionAttempts = Math.max(1, Number(policy.hostSelectionRetryMaxAttempts) || 1)
  }

  appliesTo(requestHeaders: HeaderMap): boolean {
    return this.#requestHeaders.length === 0 || this.#requestHeaders.some((match) => match(requestHeaders))
  }

  wantsStatus(status: number, headers: HeaderMap): boolean {
    const on = this.on
    if (status >= 500 && (on & RetryOn['5xx']) !== 0) return true
    if (status >= 502 && status <= 504 && (on & RetryOn['gateway-error']) !== 0) return true
    if (status === 409 && (on & RetryOn['retriable-4xx']) !== 0) return true
    if ((on & RetryOn['retriable-status-codes']) !== 0 && this.#statusCodes.has(status)) return true
    if ((on & RetryOn['retriable-headers']) !== 0 && this.#headers.some((match) => match(headers))) return true
    const grpc = headers.get('grpc-status')
    return grpc !== undefined && (on & (GRPC_RETRY[grpc] ?? 0)) !== 0
  }

  /** `sent`: some of the request may have reached the upstream. */
  wantsReset(connectFailure: boolean, sent: boolean): boolean {
    if ((this.on & (RetryOn['5xx'] | RetryOn['gateway-error'] | RetryOn.reset)) !== 0) return true
    if (connectFailure) return (this.on & RetryOn['connect-failure']) !== 0
    return !sent && (this.on & RetryOn['reset-before-request']) !== 0
  }

  /** Fully jittered exponential back-off, as Envoy. */
  backOff(attempt: number): number {
    const cap = Math.min(this.backOffMaxMs, this.backOffBaseMs * (2 ** attempt - 1))
    return Math.random() * cap
  }
}

function parseRetryOn(text: string, path: string): number {
  let on = 0
  for (const part of text.split(',')) {
    const name = part.trim()
    if (name === '') continue
    const bit = (RetryOn as Readonly<Record<string, number>>)[name]
    if (bit === undefined) {
      // Istio writes plain status codes here, which istiod moves to retriable_status_codes.
      throw invalid(path, `unknown condition «${name}»`)
    }
    on |= bit
  }
  return on
}
