import { type ErrorCode, type ErrorOptionsWithPlace, SluiceError } from '../errors.ts'

/** What tells whether trying again may help. */
export interface SupplyErrorOptions extends ErrorOptionsWithPlace {
  /** Whether the same request may succeed a little later. */
  readonly retryable?: boolean
  /** What the server asked for with Retry-After. */
  readonly retryAfterMs?: number | undefined
  /** The server seems to speak plain HTTP on a port that was asked for TLS. */
  readonly speaksPlainHttp?: boolean
}

/** Why a module could not be had, with what a retry needs to know. */
export class SupplyError extends SluiceError {
  /** What follows the title in the message. */
  readonly detail: string
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly speaksPlainHttp: boolean

  constructor(code: ErrorCode, detail: string, options: SupplyErrorOptions = {}) {
    super(code, detail, options)
    this.detail = detail
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs
    this.speaksPlainHttp = options.speaksPlainHttp ?? false
  }
}

/** The error for an HTTP status that is no success. */
export function statusError(status: number, what: string, retryAfter?: string): SupplyError {
  const retryAfterMs = parseRetryAfter(retryAfter)
  if (status === 401) return new SupplyError('SL3004', what)
  if (status === 403) return new SupplyError('SL3005', what)
  if (status === 404 || status === 410) return new SupplyError('SL3006', what)
  if (status === 429) return new SupplyError('SL3007', what, { retryable: true, retryAfterMs })
  if (status === 408 || status >= 500) {
    // 501, 505 and 511 do not get better by asking again (the list of Istio's HTTP fetcher).
    const retryable = status !== 501 && status !== 505 && status !== 511
    return new SupplyError('SL3008', `${what}: status code ${status}`, { retryable, retryAfterMs })
  }
  return new SupplyError('SL3009', `${what}: status code ${status}`)
}

/** RFC 9110 10.2.3: seconds or a date; at most a day is believed. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), 86_400_000)
}

/** What a promise gives, or nothing where the server does not have it. */
export async function orNothing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof SupplyError && error.code === 'SL3006') return undefined
    throw error
  }
}
