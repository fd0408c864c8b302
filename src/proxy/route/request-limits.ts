import type { RetryPolicy } from './retry-policy.ts'

/** How long a request may take, and whether it may be tried again. */
export interface RequestLimits {
  readonly timeoutMs: number
  readonly perTryMs: number
  /** How long a try may stay silent; 0: as long as it will. */
  readonly perTryIdleMs: number
  readonly retry: RetryPolicy | undefined
  /** How long the stream of a try may last; 0: as long as it will. */
  readonly durationMs: number
  /** Of an answer that says that there was no time. */
  readonly timeoutCode: number
  /** A try that takes too long goes on beside the next one. */
  readonly hedges: boolean
  /** A gRPC call on a route with `max_grpc_timeout`: the upstream learns its limit by `grpc-timeout`. */
  readonly grpc: boolean
}

/** The limits of a route: those of its requests, unless one has limits of its own. */
export function routeLimits(timeoutMs: number, retry: RetryPolicy | undefined, hedges: boolean): RequestLimits {
  return {
    timeoutMs,
    perTryMs: perTry(retry?.perTryTimeoutMs ?? 0, timeoutMs),
    perTryIdleMs: retry?.settings.perTryIdleTimeoutMs ?? 0,
    durationMs: 0,
    timeoutCode: 504,
    // Its times count without a reason to try again, too.
    retry: retry?.on === 0 ? undefined : retry,
    hedges,
    grpc: false,
  }
}

/** Envoy ignores a time for each try that is no shorter than the time for all. */
export function perTry(ms: number, timeoutMs: number): number {
  return ms >= timeoutMs && timeoutMs !== 0 ? 0 : ms
}
