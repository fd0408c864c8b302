/** All cases on one proxy. */
import type { Case } from './case.ts'
import { play, type Result } from './client.ts'

/** Few enough that a slow machine is not taken for a silent peer. */
const AT_ONCE = 16

export async function playAll(port: number, cases: readonly Case[]): Promise<Map<string, Result>> {
  const results = new Map<string, Result>()
  const waiting = [...cases]
  const next = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      results.set(one.id, await play(port, one))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  return results
}
