import {
  type CircuitBreakers,
  type CircuitBreakers_Thresholds,
  CircuitBreakers_ThresholdsSchema,
  CircuitBreakersSchema,
} from '../../../gen/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import { onlyFields } from '../config/fields.ts'

export interface Limits {
  readonly maxConnections: number
  readonly maxPending: number
  readonly maxRequests: number
  readonly maxRetries: number
  /** Share of active requests that may be retries, and how many are always allowed; replaces `maxRetries`. */
  readonly retryBudget: { readonly percent: number; readonly min: number } | undefined
}

const DEFAULT: Limits = {
  maxConnections: 1024,
  maxPending: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
}

/** What is under way to one cluster, and how much may be. */
export class CircuitBreaker {
  connections = 0
  pending = 0
  requests = 0
  retries = 0
  readonly #normal: Limits
  readonly #high: Limits

  constructor(config: CircuitBreakers | undefined, path: string) {
    if (config !== undefined) onlyFields(CircuitBreakersSchema, config, ['thresholds'], `${path}.circuit_breakers`)
    const find = (priority: number) => config?.thresholds.find((t) => t.priority === priority)
    this.#normal = compile(find(0), path)
    this.#high = compile(find(1), path)
  }

  limits(highPriority: boolean): Limits {
    return highPriority ? this.#high : this.#normal
  }

  mayRetry(highPriority: boolean): boolean {
    const { retryBudget, maxRetries } = this.limits(highPriority)
    if (retryBudget === undefined) return this.retries < maxRetries
    const allowed = Math.max(retryBudget.min, ((this.requests + this.pending) * retryBudget.percent) / 100)
    return this.retries < allowed
  }
}

function compile(thresholds: CircuitBreakers_Thresholds | undefined, path: string): Limits {
  if (thresholds === undefined) return DEFAULT
  onlyFields(
    CircuitBreakers_ThresholdsSchema,
    thresholds,
    [
      'priority',
      'max_connections',
      'max_pending_requests',
      'max_requests',
      'max_retries',
      'retry_budget',
      'track_remaining',
    ],
    `${path}.circuit_breakers.thresholds`,
  )
  const budget = thresholds.retryBudget
  return {
    maxConnections: thresholds.maxConnections ?? DEFAULT.maxConnections,
    maxPending: thresholds.maxPendingRequests ?? DEFAULT.maxPending,
    maxRequests: thresholds.maxRequests ?? DEFAULT.maxRequests,
    maxRetries: thresholds.maxRetries ?? DEFAULT.maxRetries,
    retryBudget: budget && { percent: budget.budgetPercent?.value ?? 20, min: budget.minRetryConcurrency ?? 3 },
  }
}
