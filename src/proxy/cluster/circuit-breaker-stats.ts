import type { CircuitBreaker, Resources } from './circuit-breaker.ts'

/** `cluster.<name>.circuit_breakers.*`, looked at only when somebody asks, so that requests need not keep them. */
export function breakerGauges(statName: string, breaker: CircuitBreaker): Record<string, number> {
  const gauges: Record<string, number> = {}
  for (const priority of ['default', 'high'] as const) {
    const prefix = `cluster.${statName}.circuit_breakers.${priority}.`
    for (const [name, value] of Object.entries(ofPriority(breaker[priority]))) gauges[prefix + name] = value
  }
  return gauges
}

function ofPriority({ limits, connections, pending, requests, retries }: Resources): Record<string, number> {
  const open = (count: number, max: number) => (count >= max ? 1 : 0)
  const gauges: Record<string, number> = {
    cx_open: open(connections.value, connections.max),
    rq_pending_open: open(pending.value, pending.max),
    rq_open: open(requests.value, requests.max),
    // As in Envoy by the number alone, also where a budget decides.
    rq_retry_open: open(retries.value, limits.maxRetries),
  }
  if (!limits.tracked) return gauges
  gauges.remaining_cx = remaining(connections.value, connections.max)
  gauges.remaining_pending = remaining(pending.value, pending.max)
  gauges.remaining_rq = remaining(requests.value, requests.max)
  // Not of a budget, which changes with the requests (Envoy's documents).
  if (limits.retryBudget === undefined) gauges.remaining_retries = remaining(retries.value, limits.maxRetries)
  return gauges
}

/** A first connection is allowed beyond the limit. */
function remaining(count: number, max: number): number {
  return Math.max(0, max - count)
}
