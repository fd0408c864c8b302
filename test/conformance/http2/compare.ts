/** Judges what was seen on both proxies by the list of differences. */
import { DIFFERENCES, type Difference } from './differences.ts'

export interface Pair {
  readonly ours: { readonly outcome: string | undefined; readonly seen: string }
  /** Undefined where there is no Envoy. */
  readonly theirs: { readonly outcome: string | undefined; readonly seen: string } | undefined
}

/** How a case differs, in the words of the list; undefined where both do the same as expected. */
export function difference({ ours, theirs }: Pair): Difference['who'] | undefined {
  if (theirs === undefined) return ours.outcome === undefined ? 'sluice' : undefined
  if (ours.outcome === undefined) return theirs.outcome === undefined ? 'both' : 'sluice'
  if (theirs.outcome === undefined) return 'envoy'
  return ours.outcome === theirs.outcome ? undefined : 'free'
}

/** What is wrong with a case that the list does not explain, or that the list explains though it is right. */
export function objection(id: string, expected: string, pair: Pair): string | undefined {
  const listed = DIFFERENCES.find(({ cases }) => cases.includes(id))?.who
  const found = difference(pair)
  // Without Envoy half of the list cannot be checked.
  const same =
    pair.theirs === undefined ? (found === 'sluice') === (listed === 'sluice' || listed === 'both') : found === listed
  if (same) return undefined
  const seen = `Sluice: ${pair.ours.seen}; Envoy: ${pair.theirs?.seen ?? 'absent'}`
  if (found === undefined) return `listed as «${listed}» but as expected (${expected}) on both: ${seen}`
  return `${found === 'free' ? 'both are right, differently' : `not as expected: ${found}`} (expected ${expected}; listed: ${listed ?? 'no'}). ${seen}`
}
