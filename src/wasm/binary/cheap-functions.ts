import type { Reader } from './reader.ts'
import { Sites, scanBody } from './scan.ts'

/** Functions up to this many instructions, with all that they call, are paid for by their callers. */
const CHEAP = 128

/** A small function without loops whose callees are all such functions, or imports. */
interface Candidate {
  readonly own: number
  readonly callees: readonly number[]
}

const UNKNOWN = 0
const PENDING = 1
const SETTLED = 2

/**
 * What a call of each function costs the caller, by index; 0 for those that pay for themselves, and for imports. Small helpers
 * that take no fuel stay small, so that the engine still inlines them.
 *
 * `openBody` gives a reader that stands behind the locals of the n-th defined function.
 */
export function costsOfCheapFunctions(imports: number, count: number, openBody: (n: number) => Reader): Uint8Array {
  const candidates: (Candidate | undefined)[] = new Array(count)
  const sites = new Sites()
  for (let n = 0; n < count; n++) {
    scanBody(openBody(n), sites)
    const small = sites.positions.length === 0 && !sites.hasIndirectCalls && sites.entryWeight <= CHEAP
    candidates[n] = small ? { own: sites.entryWeight, callees: sites.callees.slice() } : undefined
  }
  const costs = new Uint8Array(imports + count)
  const states = new Uint8Array(count)
  // Not deeper than CHEAP: each level has an instruction of its own at least, but a chain is settled from its end.
  const settle = (n: number, depth: number): number => {
    const candidate = candidates[n]
    if (candidate === undefined || depth > CHEAP) return 0
    if (states[n] === SETTLED) return costs[imports + n]
    if (states[n] === PENDING) return 0 // recursion
    states[n] = PENDING
    let cost = candidate.own
    for (const callee of candidate.callees) {
      if (callee < imports) continue
      const more = settle(callee - imports, depth + 1)
      cost = more === 0 ? CHEAP + 1 : cost + more
      if (cost > CHEAP) break
    }
    states[n] = SETTLED
    if (cost <= CHEAP) costs[imports + n] = cost
    return costs[imports + n]
  }
  for (let n = 0; n < count; n++) if (states[n] === UNKNOWN) settle(n, 0)
  return costs
}
