import type { Case } from '../../parity/case.ts'
import { compare, type Difference } from '../filters/compare.ts'
import { isKnown } from './known.ts'

/** On a busy machine a time may be missed. */
const ROUNDS = 3

/** Trials that differ each time, by what differs each time and is not known. */
export async function differing(trials: readonly Case[], envoy: string): Promise<Difference[]> {
  let left: Difference[] = trials.map((one) => ({ one, facts: new Map() }))
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const before = new Map(left.map(({ one, facts }) => [one, facts]))
    const { differences } = await compare([...before.keys()], envoy, '')
    left = differences.flatMap(({ one, facts }) => {
      const kept = [...facts].filter(
        ([fact, what]) => (round === 0 || before.get(one)?.get(fact) === what) && !isKnown(one, fact, what),
      )
      return kept.length === 0 ? [] : [{ one, facts: new Map(kept) }]
    })
  }
  return left
}

export function shown({ one, facts }: Difference): string {
  return `${one.id}\n${[...facts].map(([fact, what]) => `  ${fact}: ${what}`).join('\n')}`
}
