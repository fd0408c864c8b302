/** What a proxy says it has under way. */

import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { fetchText } from '../../limited-fetch.ts'

/** Sums over listeners and clusters by name, e.g. `upstream_rq_active`. */
export type Gauges = Readonly<Record<string, number>>

/** The gauges, once they are what they should be, or after two seconds. */
export async function settled(admin: string, expected: () => Gauges): Promise<Gauges> {
  for (let i = 0; ; i++) {
    const left = await gauges(admin, Object.keys(expected()))
    if (i === 40 || isDeepStrictEqual(left, expected())) return left
    await sleep(50)
  }
}

async function gauges(admin: string, names: readonly string[]): Promise<Gauges> {
  const sums = Object.fromEntries(names.map((name) => [name, 0]))
  const text = await fetchText(`http://${admin}/stats?filter=^cluster|^http.web`)
  for (const [, name, value] of text.matchAll(/\.(\w+_active): (\d+)$/gm)) {
    if (name in sums) sums[name] += Number(value)
  }
  return sums
}
