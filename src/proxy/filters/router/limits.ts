import type { HeaderMap } from '../../../base/header-map.ts'
import { ROUTER_LIMITS } from '../../http/forwarded.ts'
import { grpcTimeout, toGrpcTimeout } from '../../http/grpc-timeout.ts'
import { perTry, type RequestLimits } from '../../route/request-limits.ts'
import { GRPC_CONDITIONS, RetryPolicy, retryConditions } from '../../route/retry-policy.ts'
import type { RouteSettings } from '../../route/route-entry.ts'
import { isGrpc } from '../../route/route-match.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The limits of a request: the route's, unless its headers ask for others or it is a gRPC call with a time of its own. */
export function requestLimits(headers: HeaderMap, settings: RouteSettings, respectExpected: boolean): RequestLimits {
  const { limits, maxGrpcTimeoutMs, retry } = settings
  const grpc = maxGrpcTimeoutMs >= 0 && isGrpc(headers)
  // An Envoy in front has counted the time from its own start, and has said so (`respect_expected_rq_timeout`).
  const expectedMs = respectExpected ? whole(headers.get('x-envoy-expected-rq-timeout-ms')) : undefined
  const asks = asksForLimits(headers)
  const applies = retry === undefined || retry.appliesTo(headers)
  if (!grpc && expectedMs === undefined && !asks && applies) return limits
  const own = { ...limits, perTryMs: retry?.perTryTimeoutMs ?? 0, grpc }
  if (grpc) own.timeoutMs = grpcLimit(headers, maxGrpcTimeoutMs)
  if (!applies) own.retry = undefined
  if (asks) takeLimits(headers, own, applies ? (retry ?? RetryPolicy.NONE) : undefined)
  own.timeoutMs = expectedMs ?? own.timeoutMs
  own.perTryMs = perTry(own.perTryMs, own.timeoutMs)
  return own
}

/** 0 stands for no limit, of the client as of the route. */
function grpcLimit(headers: HeaderMap, maxMs: number): number {
  const asked = grpcTimeout(headers.get('grpc-timeout')) ?? 0
  return maxMs === 0 || (asked !== 0 && asked < maxMs) ? asked : maxMs
}

const ASKING = new Set(ROUTER_LIMITS)

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
 * manager has removed them from requests that do not come from inside. `base`: what they add their reasons to try again to, if any may.
 */
function takeLimits(headers: HeaderMap, limits: Writable<RequestLimits>, base: RetryPolicy | undefined): void {
  const asked: Record<string, string> = {}
  for (const name of ASKING) {
    const value = headers.get(name)
    if (value === undefined) continue
    asked[name] = value
    headers.remove(name)
  }
  limits.timeoutMs = whole(asked['x-envoy-upstream-rq-timeout-ms']) ?? limits.timeoutMs
  limits.perTryMs = whole(asked['x-envoy-upstream-rq-per-try-timeout-ms']) ?? limits.perTryMs
  limits.durationMs = whole(asked['x-envoy-upstream-stream-duration-ms']) ?? 0
  if (asked['x-envoy-upstream-rq-timeout-alt-response'] !== undefined) limits.timeoutCode = 204
  const hedge = asked['x-envoy-hedge-on-per-try-timeout']
  if (hedge === 'true' || hedge === 'false') limits.hedges = hedge === 'true'
  const on = asked['x-envoy-retry-on'] ?? ''
  const grpcOn = asked['x-envoy-retry-grpc-on'] ?? ''
  if (base === undefined || (limits.retry === undefined && on === '' && grpcOn === '')) return
  const { statusCodes, headers: headerMatches } = base.settings
  const codes = list(asked['x-envoy-retriable-status-codes']).map(whole)
  const names = list(asked['x-envoy-retriable-header-names']).map((name) => name.toLowerCase())
  limits.retry = base.with({
    on: base.on | (retryConditions(on).on & ~GRPC_CONDITIONS) | (retryConditions(grpcOn).on & GRPC_CONDITIONS),
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
