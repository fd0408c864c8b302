import { Backoff, sleep } from '../base/backoff.ts'
import { SupplyError } from './supply-error.ts'

/** How long a fetch may take in all. The signal aborts with SL3015 when it is over. */
export interface Deadline {
  readonly signal: AbortSignal
  /** `Date.now()` of the end. */
  readonly at: number
  clear(): void
}

/** A deadline from now; `outer` ends it earlier, with its own reason. */
export function deadline(ms: number, what: string, outer?: AbortSignal): Deadline {
  const controller = new AbortController()
  const end = () =>
    controller.abort(new SupplyError('SL3015', `${what}: not done after ${ms / 1000} s`, { retryable: true }))
  const timer = setTimeout(end, ms)
  timer.unref()
  const stop = () => controller.abort(outer?.reason)
  if (outer?.aborted) stop()
  outer?.addEventListener('abort', stop, { once: true })
  const clear = () => {
    clearTimeout(timer)
    outer?.removeEventListener('abort', stop)
  }
  return { signal: controller.signal, at: Date.now() + ms, clear }
}

/** How often something is tried, with growing pauses in between. */
export interface RetryOptions {
  /** Tries in all. */
  readonly attempts: number
  readonly initialMs: number
  readonly maxMs: number
  readonly factor?: number
  readonly random?: () => number
}

/**
 * Tries again what may succeed a little later, after growing, jittered pauses or as long as the server asks for (Retry-After).
 * A pause that would outlast the deadline is not begun: the error is worth more than the wait.
 */
export async function retrying<T>(
  options: RetryOptions,
  limit: Deadline,
  attempt: (n: number) => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(options)
  for (let n = 1; ; n++) {
    try {
      return await attempt(n)
    } catch (error) {
      if (!(error instanceof SupplyError) || !error.retryable || n >= options.attempts || limit.signal.aborted)
        throw error
      const pause = Math.max(backoff.next(), error.retryAfterMs ?? 0)
      if (Date.now() + pause >= limit.at) throw error
      await sleep(pause, limit.signal)
    }
  }
}
