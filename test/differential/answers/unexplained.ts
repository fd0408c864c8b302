import { type Difference, isExplained, type Reason } from '../reason.ts'
import type { Told } from './compare.ts'

/** A reset takes away what was not read by then, on a busy machine. */
const chanceOfReset = ({ fact, ours, theirs }: Difference, end: string): boolean =>
  end === 'reset' && fact === 'response.start' && / 503\b/.test(`${ours} ${theirs}`)

/** What differs and is not so on purpose. */
export function unexplainedBy<A extends { readonly end: string }>(
  known: readonly Reason<A>[],
  answer: A,
  [ours, theirs]: Told,
): string[] {
  const found: Difference[] = []
  for (const fact of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [ours.get(fact) ?? '(absent)', theirs.get(fact) ?? '(absent)']
    if (a !== b) found.push({ fact, ours: a, theirs: b })
  }
  return leading(found)
    .filter((one) => !chanceOfReset(one, answer.end) && !isExplained(known, one, answer))
    .map(({ fact, ours: a, theirs: b }) => `${fact}: ours ${JSON.stringify(a)} ≠ Envoy's ${JSON.stringify(b)}`)
}

/** Another status brings other headers and another log with it. */
function leading(all: readonly Difference[]): readonly Difference[] {
  const start = all.filter(({ fact, ours, theirs }) => fact === 'response.start' && statusOf(ours) !== statusOf(theirs))
  if (start.length > 0) return start
  const others = all.filter(({ fact }) => !fact.startsWith('log.'))
  return others.length > 0 ? others : all
}

function statusOf(start: string): string {
  return start.replace(/^HTTP\S+ (\d+).*/, '$1')
}
