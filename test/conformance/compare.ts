/** Judges what was seen on both proxies by the list of differences. */

/** Where one of the proxies does not as a case expects, or both do in ways of their own, with the reason. */
export interface Difference {
  /**
   * `envoy` or `sluice`: the one that fails. `both`: both fail. `free`: the clause leaves a choice, and they choose
   * differently.
   */
  readonly who: 'envoy' | 'sluice' | 'both' | 'free'
  readonly cases: readonly string[]
  readonly why: string
}

export interface Pair {
  readonly ours: { readonly outcome: string | undefined; readonly seen: string }
  /** Undefined where there is no Envoy. */
  readonly theirs: { readonly outcome: string | undefined; readonly seen: string } | undefined
}

/** How a case differs, in the words of the list; undefined where both do the same as expected. */
function difference({ ours, theirs }: Pair): Difference['who'] | undefined {
  if (theirs === undefined) return ours.outcome === undefined ? 'sluice' : undefined
  if (ours.outcome === undefined) return theirs.outcome === undefined ? 'both' : 'sluice'
  if (theirs.outcome === undefined) return 'envoy'
  return ours.outcome === theirs.outcome ? undefined : 'free'
}

/** What is wrong with a case that the list does not explain, or that the list explains though it is right. */
export function objection(list: readonly Difference[], id: string, expected: string, pair: Pair): string | undefined {
  const listed = list.find(({ cases }) => cases.includes(id))?.who
  const found = difference(pair)
  // Without Envoy half of the list cannot be checked.
  const same =
    pair.theirs === undefined ? (found === 'sluice') === (listed === 'sluice' || listed === 'both') : found === listed
  if (same) return undefined
  const seen = `Sluice: ${pair.ours.seen}; Envoy: ${pair.theirs?.seen ?? 'absent'}`
  if (found === undefined) return `listed as «${listed}» but as expected (${expected}) on both: ${seen}`
  return `${found === 'free' ? 'both are right, differently' : `not as expected: ${found}`} (expected ${expected}; listed: ${listed ?? 'no'}). ${seen}`
}

export function summary(pairs: readonly Pair[]): string {
  const passed = (name: 'ours' | 'theirs') => pairs.filter((pair) => pair[name]?.outcome !== undefined).length
  const differ = pairs.filter((pair) => difference(pair) !== undefined).length
  return `${pairs.length} cases, ${passed('ours')} pass on Sluice, ${passed('theirs')} on Envoy, ${differ} differ (listed)`
}

/** What is wrong with the list itself. */
export function faults(list: readonly Difference[], ids: ReadonlySet<string>): string[] {
  const listed = list.flatMap(({ cases }) => cases)
  return [
    ...listed.filter((id) => !ids.has(id)).map((id) => `${id} is listed but no case`),
    ...listed.filter((id, i) => listed.indexOf(id) !== i).map((id) => `${id} is listed twice`),
    ...list.filter(({ why }) => why.length < 20).map(({ cases }) => `${cases} need a reason`),
  ]
}
