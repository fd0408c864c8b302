import type { Reader } from './reader.ts'
import { type Charges, KNOWN_COST, Regions, UNKNOWN_COST } from './regions.ts'
import { scanBody } from './scan.ts'

/**
 * The charges of all functions that a module defines. Callees come before their callers, so that a caller knows what each call
 * costs; in a cycle one function does not, and takes the most. Functions in `referenced`, and those that the code refers to, may be
 * called by who does not know what they cost.
 *
 * `openBody` gives a reader that stands behind the locals of the n-th defined function and ends with its body; `setUp` is what calling it
 * costs before its first instruction.
 */
export function findCharges(
  imports: number,
  count: number,
  openBody: (n: number) => Reader,
  setUp: (n: number) => number,
  referenced: Set<number>,
): Charges[] {
  const regions = new Regions()
  const callees: Uint32Array[] = []
  let throws = false
  for (let n = 0; n < count; n++) {
    const body = openBody(n)
    scanBody(body, regions)
    if (body.pos !== body.end) body.fail('function body has the wrong size')
    throws ||= regions.throws
    callees.push(Uint32Array.from(regions.callees))
    for (const index of regions.referenced) referenced.add(index)
  }
  const most = (index: number) => (referenced.has(index) ? UNKNOWN_COST : KNOWN_COST)
  const costs = Uint16Array.from({ length: imports + count }, (_, index) => (index < imports ? 0 : most(index)))
  const charges: Charges[] = new Array(count)
  for (const n of calleesFirst(imports, callees)) {
    scanBody(openBody(n), regions, costs, throws, most(imports + n), setUp(n))
    costs[imports + n] = regions.unpaid
    charges[n] = regions.charges
  }
  return charges
}

/** All functions, depth first and without recursion: a chain of calls can be as long as the module. */
function* calleesFirst(imports: number, callees: readonly Uint32Array[]): Iterable<number> {
  const seen = new Uint8Array(callees.length)
  const path: number[] = []
  const next: number[] = []
  for (let root = 0; root < callees.length; root++) {
    if (seen[root] !== 0) continue
    seen[root] = 1
    path.push(root)
    next.push(0)
    while (path.length > 0) {
      const n = path[path.length - 1]
      const at = next[next.length - 1]++
      if (at === callees[n].length) {
        path.pop()
        next.pop()
        yield n
        continue
      }
      const callee = callees[n][at] - imports
      if (callee < 0 || seen[callee] !== 0) continue
      seen[callee] = 1
      path.push(callee)
      next.push(0)
    }
  }
}
