import { create } from '@bufbuild/protobuf'
import type { RetryPolicy as RetryPolicyProto } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { RetryPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { PreviousHostsPredicateSchema } from '../../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { unpackAs } from '../config/any.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { type HeaderMatch, headerMatch } from '../match/header.ts'
import { ResetHeaders } from './reset-headers.ts'

/** Why an attempt failed. */
const RetryOn = {
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

/** Those of gRPC, which have a header of their own. */
export const GRPC_CONDITIONS =
  RetryOn.cancelled |
  RetryOn['deadline-exceeded'] |
  RetryOn.internal |
  RetryOn['resource-exhausted'] |
  RetryOn.unavailable

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
  'rate_limited_retry_back_off',
  'retriable_headers',
  'retriable_request_headers',
]

interface RetrySettings {
  readonly on: number
  readonly retries: number
  readonly perTryTimeoutMs: number
  readonly perTryIdleTimeoutMs: number
  readonly backOffBaseMs: number
  readonly backOffMaxMs: number
  readonly resetHeaders: ResetHeaders | undefined
  /** `envoy.retry_host_predicates.previous_hosts` */
  readonly avoidPreviousHosts: boolean
  readonly hostSelectionAttempts: number
  readonly statusCodes: ReadonlySet<number>
  readonly headers: readonly HeaderMatch[]
  readonly requestHeaders: readonly HeaderMatch[]
}

/** A compiled RetryPolicy. */
export class RetryPolicy {
  /** What serves a request that asks for retries on a route without a policy. */
  static readonly NONE = RetryPolicy.compile(create(RetryPolicySchema), '')

  readonly settings: RetrySettings
  readonly on: number
  readonly retries: number
  readonly perTryTimeoutMs: number
  readonly avoidPreviousHosts: boolean
  readonly hostSelectionAttempts: number

  constructor(settings: RetrySettings) {
    this.settings = settings
    this.on = settings.on
    this.retries = settings.retries
    this.perTryTimeoutMs = settings.perTryTimeoutMs
    this.avoidPreviousHosts = settings.avoidPreviousHosts
    this.hostSelectionAttempts = settings.hostSelectionAttempts
  }

  static compile(policy: RetryPolicyProto, path: string): RetryPolicy {
    onlyFields(RetryPolicySchema, policy, FIELDS, path)
    const backOffBaseMs = durationMs(policy.retryBackOff?.baseInterval, 25)
    const backOffMaxMs = durationMs(policy.retryBackOff?.maxInterval, backOffBaseMs * 10)
    if (backOffMaxMs < backOffBaseMs) throw invalid(`${path}.retry_back_off`, 'max_interval below base_interval')
    policy.retryHostPredicate.forEach((predicate, i) => {
      const where = `${path}.retry_host_predicate[${i}]`
      const { configType, name } = predicate
      // By its type, whatever its name is; by its name where it has no type.
      if (configType.case === 'typedConfig')
        unpackAs(configType.value, PreviousHostsPredicateSchema, `${where}.typed_config`)
      else if (name !== 'envoy.retry_host_predicates.previous_hosts') throw unsupported(where, name)
    })
    return new RetryPolicy({
      on: parseRetryOn(policy.retryOn, `${path}.retry_on`),
      retries: policy.numRetries ?? 1,
      perTryTimeoutMs: durationMs(policy.perTryTimeout, 0),
      perTryIdleTimeoutMs: durationMs(policy.perTryIdleTimeout, 0),
      backOffBaseMs,
      backOffMaxMs,
      resetHeaders:
        policy.rateLimitedRetryBackOff &&
        new ResetHeaders(policy.rateLimitedRetryBackOff, `${path}.rate_limited_retry_back_off`),
      avoidPreviousHosts: policy.retryHostPredicate.length > 0,
      hostSelectionAttempts: Math.max(1, Number(policy.hostSelectionRetryMaxAttempts) || 1),
      statusCodes: new Set(policy.retriableStatusCodes),
      headers: policy.retriableHeaders.map((m, i) => headerMatch(m, `${path}.retriable_headers[${i}]`)),
      requestHeaders: policy.retriableRequestHeaders.map((m, i) =>
        headerMatch(m, `${path}.retriable_request_headers[${i}]`),
      ),
    })
  }

  /** The policy with some settings of its own for one request. */
  with(changed: Partial<RetrySettings>): RetryPolicy {
    return new RetryPolicy({ ...this.settings, ...changed })
  }

  appliesTo(requestHeaders: HeaderMap): boolean {
    const wanted = this.settings.requestHeaders
    return wanted.length === 0 || wanted.some((match) => match(requestHeaders))
  }

  wantsStatus(status: number, headers: HeaderMap): boolean {
    const { on, settings } = this
    // Envoy never retries into a rate limit, whatever the status, unless told to.
    if (headers.get('x-envoy-ratelimited') !== undefined) return (on & RetryOn['envoy-ratelimited']) !== 0
    if (status >= 500 && (on & RetryOn['5xx']) !== 0) return true
    if (status >= 502 && status <= 504 && (on & RetryOn['gateway-error']) !== 0) return true
    if (status === 409 && (on & RetryOn['retriable-4xx']) !== 0) return true
    if ((on & RetryOn['retriable-status-codes']) !== 0 && settings.statusCodes.has(status)) return true
    if ((on & RetryOn['retriable-headers']) !== 0 && settings.headers.some((match) => match(headers))) return true
    const grpc = headers.get('grpc-status')
    return grpc !== undefined && (on & (GRPC_RETRY[grpc] ?? 0)) !== 0
  }

  /** `sent`: some of the request may have reached the upstream; `refused`: it says that it has not looked at it. */
  wantsReset(connectFailure: boolean, sent: boolean, refused = false): boolean {
    if ((this.on & (RetryOn['5xx'] | RetryOn['gateway-error'] | RetryOn.reset)) !== 0) return true
    if (connectFailure && (this.on & RetryOn['connect-failure']) !== 0) return true
    if (refused && (this.on & RetryOn['refused-stream']) !== 0) return true
    return !sent && (this.on & RetryOn['reset-before-request']) !== 0
  }

  /** How long the upstream asks to wait before it is asked again; 0: it does not. */
  resetMs(answer: HeaderMap): number {
    return this.settings.resetHeaders?.waitMs(answer) ?? 0
  }

  /** Fully jittered exponential back-off, as Envoy. */
  backOff(attempt: number): number {
    const cap = Math.min(this.settings.backOffMaxMs, this.settings.backOffBaseMs * (2 ** attempt - 1))
    return Math.random() * cap
  }
}

function parseRetryOn(text: string, path: string): number {
  const { on, unknown } = retryConditions(text)
  // Istio writes plain status codes here, which istiod moves to retriable_status_codes.
  if (unknown !== undefined) throw invalid(path, `unknown condition «${unknown}»`)
  return on
}

/** The conditions of a list, as `retry_on` and the headers `x-envoy-retry-on` and `x-envoy-retry-grpc-on` name them. */
export function retryConditions(text: string): { on: number; unknown: string | undefined } {
  let on = 0
  let unknown: string | undefined
  for (const part of text.split(',')) {
    const name = part.trim()
    if (name === '') continue
    if (Object.hasOwn(RetryOn, name)) on |= RetryOn[name as keyof typeof RetryOn]
    else unknown ??= name
  }
  return { on, unknown }
}
