import {
  type CircuitBreakers,
  type CircuitBreakers_Thresholds,
  CircuitBreakers_ThresholdsSchema,
  CircuitBreakersSchema,
} from '../../../gen/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import { onlyFields } from '../config/fields.ts'
import { type CountPlace, ProcessCount } from '../process-count.ts'

/** `thresholds` of one priority. */
export interface Limits {
  readonly maxConnections: number
  readonly maxPending: number
  readonly maxRequests: number
  readonly maxRetries: number
  /** Share of active requests that may be retries, and how many are always allowed; replaces `maxRetries`. */
  readonly retryBudget: { readonly percent: number; readonly min: number } | undefined
  /** Statistics tell how much is left (`track_remaining`). */
  readonly tracked: boolean
}

const DEFAULT: Limits = {
  maxConnections: 1024,
  maxPending: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
  tracked: false,
}

/** What is under way to one cluster, and how much may be, for each priority (Envoy's ResourceManager). */
export class CircuitBreaker {
  readonly default: Resources
  readonly high: Resources

  /** Without `place` this thread counts for itself. */
  constructor(config: CircuitBreakers | undefined, path: string, place?: CountPlace) {
    if (config !== undefined) onlyFields(CircuitBreakersSchema, config, ['thresholds'], `${path}.circuit_breakers`)
    const find = (priority: number) => config?.thresholds.find((t) => t.priority === priority)
    this.default = new Resources(compile(find(0), path), place, 0)
    this.high = new Resources(compile(find(1), path), place, COUNTS)
  }

  of(highPriority: boolean): Resources {
    return highPriority ? this.high : this.default
  }
}

/** How many counts one priority has. */
const COUNTS = 4

/** Of one priority. */
export class Resources {
  readonly limits: Limits
  readonly connections: Resource
  readonly pending: Resource
  readonly requests: Resource
  readonly retries: ProcessCount

  constructor(limits: Limits, place: CountPlace | undefined, at: number) {
    this.limits = limits
    this.connections = new Resource(limits.maxConnections, place, at)
    this.pending = new Resource(limits.maxPending, place, at + 1)
    this.requests = new Resource(limits.maxRequests, place, at + 2)
    this.retries = new ProcessCount(place, at + 3)
  }

  /** A share of a budget is rounded down (ResourceManagerImpl::RetryBudgetImpl::max); who waits for a connection is a request, too. */
  get maxRetries(): number {
    const { retryBudget, maxRetries } = this.limits
    if (retryBudget === undefined) return maxRetries
    const active = this.requests.value + this.pending.value
    return Math.max(retryBudget.min, Math.floor((active * retryBudget.percent) / 100))
  }
}

/** A count with a limit. */
export class Resource extends ProcessCount {
  readonly max: number

  constructor(max: number, place: CountPlace | undefined, at: number) {
    super(place, at)
    this.max = max
  }

  get full(): boolean {
    return this.value >= this.max
  }

  /** One more, if it may be. */
  tryTake(): boolean {
    return this.take(this.max)
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
    tracked: thresholds.trackRemaining,
  }
}
