import type { HeaderMap } from '../../../base/header-map.ts'
import { grpcTimeout, toGrpcTimeout } from '../../http/grpc-timeout.ts'
import { RetryPolicy, retryConditions } from '../../route/retry-policy.ts'
import type { RouteSettings } from '../../route/route-entry.ts'
import { isGrpc } from '../../route/route-match.ts'

/** Response code details by the kind of a router's timeout. */
export const TIMEOUT_DETAILS = ['response_timeout', 'upstream_per_try_timeout', '', 'upstream_per_try_idle_timeout']

/** What a request cannot do without; a filter may have taken it away. */
export function hasRequiredHeaders(headers: HeaderMap): boolean {
  const method = headers.get(':method')
  if (method === undefined || method === '' || headers.get(':authority') === undefined) return false
  return method === 'CONNECT' || Boolean(headers.get(':path'))
}

/** How long a request may take, and whether it may be tried again: the route's word, and the caller's where it has one. */
export interface RequestLimits {
  timeoutMs: number
  perTryMs: number
  /** How long a try may stay silent; 0: as long as it will. */
  perTryIdleMs: number
  retry: RetryPolicy | undefined
  /** A try that takes too long goes on beside the next one. */
  hedges: boolean
  /** A gRPC call on a route with `max_grpc_timeout`: the upstream learns its limit by `grpc-timeout`. */
  grpc: boolean
}

/** The limits of a request without headers that ask for others, which is nearly every one. */
export function routeLimits(headers: HeaderMap, settings: RouteSettings, respectExpected: boolean): RequestLimits {
  const { retry } = settings
  const grpc = settings.maxGrpcTimeoutMs >= 0 && isGrpc(headers)
  const { timeoutMs, hedges } = settings
  const limits = {
    timeoutMs,
    perTryMs: retry?.perTryTimeoutMs ?? 0,
    perTryIdleMs: retry?.settings.perTryIdleTimeoutMs ?? 0,
    // Its times count without a reason to try again, too.
    retry: retry?.on === 0 ? undefined : retry,
    hedges,
    grpc,
  }
  if (grpc) {
    // 0 stands for no limit, of the client as of the route.
    const asked = grpcTimeout(headers.get('grpc-timeout')) ?? 0
    const max = settings.maxGrpcTimeoutMs
    limits.timeoutMs = max === 0 || (asked !== 0 && asked < max) ? asked : max
  }
  if (asksForLimits(headers)) takeLimits(headers, limits, retry)
  else if (retry !== undefined && !retry.appliesTo(headers)) limits.retry = undefined
  // An Envoy in front has counted the time from its own start, and has said so (`respect_expected_rq_timeout`).
  if (respectExpected) limits.timeoutMs = whole(headers.get('x-envoy-expected-rq-timeout-ms')) ?? limits.timeoutMs
  // Envoy ignores a time for each try that is no shorter than the time for all.
  if (limits.perTryMs >= limits.timeoutMs && limits.timeoutMs !== 0) limits.perTryMs = 0
  return limits
}

const ASKING = new Set([
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-max-retries',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-ms',
])

function asksForLimits(headers: HeaderMap): boolean {
  const { flat } = headers
  for (let i = 8; i < flat.length; i += 2) {
    const name = flat[i]
    if (name.charCodeAt(0) === 120 && name.startsWith('x-envoy-') && ASKING.has(name)) return true
  }
  return false
}

/**
 * Takes the headers by which a caller sets its own limits (`retry_state_impl.cc`, `FilterUtility::finalTimeout`). The connection
 * manager has removed them from requests that do not come from inside.
 */
function takeLimits(headers: HeaderMap, limits: RequestLimits, configured: RetryPolicy | undefined): void {
  const asked: Record<string, string> = {}
  for (const name of ASKING) {
    const value = headers.get(name)
    if (value === undefined) continue
    asked[name] = value
    headers.remove(name)
  }
  limits.timeoutMs = whole(asked['x-envoy-upstream-rq-timeout-ms']) ?? limits.timeoutMs
  limits.perTryMs = whole(asked['x-envoy-upstream-rq-per-try-timeout-ms']) ?? limits.perTryMs
  const hedge = asked['x-envoy-hedge-on-per-try-timeout']
  if (hedge === 'true' || hedge === 'false') limits.hedges = hedge === 'true'
  const on = asked['x-envoy-retry-on'] ?? ''
  const grpcOn = asked['x-envoy-retry-grpc-on'] ?? ''
  if (limits.retry === undefined && on === '' && grpcOn === '') return
  const base = configured ?? RetryPolicy.NONE
  limits.retry = undefined
  if (!base.appliesTo(headers)) return
  const { statusCodes, headers: headerMatches } = base.settings
  const codes = list(asked['x-envoy-retriable-status-codes']).map(whole)
  const names = list(asked['x-envoy-retriable-header-names']).map((name) => name.toLowerCase())
  limits.retry = base.with({
    on: base.on | retryConditions(on).on | retryConditions(grpcOn).on,
    retries: whole(asked['x-envoy-max-retries']) ?? base.retries,
    statusCodes: new Set([...statusCodes, ...codes.filter((code) => code !== undefined)]),
    headers: [...headerMatches, ...names.map((name) => (answer: HeaderMap) => answer.has(name))],
  })
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,9}$/.test(text.trim()) ? Number(text) : undefined
}

/** What is left for this try; one that is hedged may take all of the time. */
function expectedTimeout(limits: RequestLimits, elapsedMs: number): number {
  const { timeoutMs, perTryMs, hedges } = limits
  const expected = perTryMs === 0 || hedges ? timeoutMs : perTryMs
  if (expected === 0 || timeoutMs === 0) return Math.round(expected)
  return Math.max(1, Math.round(Math.min(expected, timeoutMs - elapsedMs)))
}

/** Tells the upstream how long its answer is waited for. */
export function tellTimeLeft(headers: HeaderMap, limits: RequestLimits, elapsedMs: number, suppress: boolean): void {
  const expected = expectedTimeout(limits, elapsedMs)
  if (expected === 0) return
  if (!suppress) headers.put('x-envoy-expected-rq-timeout-ms', String(expected))
  if (limits.grpc) headers.put('grpc-timeout', toGrpcTimeout(expected))
}
