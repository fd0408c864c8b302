import type { Facts } from './facts.ts'
import { onPurpose } from './on-purpose.ts'
import type { Result } from './pair.ts'
import type { Difference as Fact } from './reason.ts'
import type { Trial } from './trial.ts'

/** A fact, or `refused`. */
export interface Difference extends Fact {
  /** Our line of the log; '' where there is none. */
  readonly log: string
  /** Which of the trial's requests; -1: the configuration. */
  readonly request: number
}

/** What differs and is not so on purpose. */
export function differences(trial: Trial, [ours, theirs]: readonly [Result, Result]): Difference[] {
  const config = refusal(ours, theirs)
  if (config !== undefined) return onPurpose(trial, config) ? [] : [config]
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return []
  return trial.requests.flatMap((_, i) =>
    leading(compare(ours[i], theirs[i], i)).filter((one) => !onPurpose(trial, one)),
  )
}

/** Another status or another number of tries brings other headers and another log with it. */
function leading(all: readonly Difference[]): readonly Difference[] {
  for (const fact of ['response.start', 'upstream.count', 'upstream.start']) {
    const found = all.filter((one) => one.fact === fact)
    if (found.length > 0) return found
  }
  const others = all.filter(({ fact }) => !fact.startsWith('log.'))
  return others.length > 0 ? others : all
}

function refusal(ours: Result, theirs: Result): Difference | undefined {
  const [a, b] = [ours, theirs].map((one) => ('refused' in one ? one.refused : 'accepted'))
  if ((a === 'accepted') === (b === 'accepted')) return undefined
  return { fact: 'refused', ours: a, theirs: b, log: '', request: -1 }
}

function compare(ours: Facts, theirs: Facts, request: number): Difference[] {
  const found: Difference[] = []
  const log = ours.get('log.0') ?? ''
  for (const fact of new Set([...theirs.keys(), ...ours.keys()])) {
    // What cannot be read is logged without the tag that its line would be found by.
    if (fact.startsWith('log.') && !(ours.has(fact) && theirs.has(fact))) continue
    const [a, b] = [ours.get(fact) ?? '(absent)', theirs.get(fact) ?? '(absent)']
    if (a !== b) found.push({ fact, ours: a, theirs: b, log, request })
  }
  return found
}

/** What two differences have in common that are shown by one trial in different sizes. */
export function kindOf({ fact, ours, theirs }: Difference): string {
  return /start|count|refused|log/.test(fact) ? `${fact}: ${kept(ours)} ≠ ${kept(theirs)}` : fact
}

/** Status and presence without what depends on the trial. */
function kept(value: string): string {
  return value
    .replace(/«[^»]*»|"[^"]*"|\[\d+\]|trial-\d+;?/g, '')
    .replace(/^([A-Z]+ )\S+( HTTP)/, '$1…$2')
    .slice(0, 100)
}

export function shown({ fact, ours, theirs }: Difference): string {
  return `${fact}: ours ${JSON.stringify(ours)} ≠ Envoy's ${JSON.stringify(theirs)}`
}
