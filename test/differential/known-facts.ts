/** Facts of trials on both proxies: what differs, and what of it is so on purpose. */

/** What came of a trial, fact by fact. */
export type Facts = ReadonlyMap<string, string>
export type BothTold = readonly [ours: Facts, theirs: Facts]

/** Of what is said of a difference here, everything has to hold: a reason is as narrow as it can be, lest it hide a defect. */
export interface Known<T> {
  readonly why: string
  readonly fact: RegExp
  /** What is ours and theirs. */
  readonly value?: RegExp
  /** What both mean, in one way. */
  readonly meaning?: (value: string) => string
  readonly of?: (trial: T, told: BothTold, fact: string) => boolean
  /** By how much a counter differs at most. */
  readonly most?: (trial: T, told: BothTold) => number
}

/** By fact, what is ours and what is Envoy's. */
export type Differences = ReadonlyMap<string, string>

export interface Differing<T> {
  readonly trial: T
  readonly facts: Differences
}

/** On a busy machine a time may be missed. */
const ROUNDS = 3

/** Trials that differ each time, by what differs each time and is not known; and how many both refuse. */
export async function differing<T>(
  trials: readonly T[],
  known: readonly Known<T>[],
  compare: (trials: readonly T[]) => Promise<readonly BothTold[]>,
): Promise<{ differences: Differing<T>[]; refused: number }> {
  let left: Differing<T>[] = trials.map((trial) => ({ trial, facts: new Map() }))
  let refused = 0
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const told = await compare(left.map(({ trial }) => trial))
    if (round === 0) refused = told.filter(([ours, theirs]) => ours.has('refused') && theirs.has('refused')).length
    left = left.flatMap(({ trial, facts: before }, i) => {
      const facts = [...differences(told[i])].filter(
        ([fact, what]) => (round === 0 || before.get(fact) === what) && !isKnown(known, trial, fact, what, told[i]),
      )
      return facts.length === 0 ? [] : [{ trial, facts: new Map(facts) }]
    })
  }
  return { differences: left, refused }
}

function differences([ours, theirs]: BothTold): Differences {
  const refusals = [ours, theirs].map((facts) => facts.get('refused'))
  if (refusals.some((one) => one !== undefined)) {
    const [one, other] = refusals.map((refusal) => refusal ?? 'taken')
    return new Map(refusals.includes(undefined) ? [['refused', `${one} ≠ ${other}`]] : [])
  }
  const found = new Map<string, string>()
  for (const fact of new Set([...ours.keys(), ...theirs.keys()])) {
    const [one, other] = [ours.get(fact) ?? 'absent', theirs.get(fact) ?? 'absent']
    if (one !== other) found.set(fact, `${one} ≠ ${other}`)
  }
  return found
}

function isKnown<T>(known: readonly Known<T>[], trial: T, fact: string, what: string, told: BothTold): boolean {
  const [ours = '', theirs = ''] = what.split(' ≠ ')
  return known.some(
    ({ fact: pattern, value, meaning, of, most }) =>
      pattern.test(fact) &&
      value?.test(what) !== false &&
      of?.(trial, told, fact) !== false &&
      (meaning === undefined || meaning(ours) === meaning(theirs)) &&
      (most === undefined || Math.abs(countOf(ours) - countOf(theirs)) <= most(trial, told)),
  )
}

function countOf(value: string): number {
  return value === 'absent' ? 0 : Number(value)
}

export function shown<T extends { readonly id: string }>({ trial, facts }: Differing<T>): string {
  const parts = [...facts].map(([fact, what]) => `  ${fact}: ${what}`)
  return `${trial.id}\n${parts.join('\n')}`
}
