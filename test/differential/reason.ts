/** One fact in which the proxies differ. */
export interface Difference {
  readonly fact: string
  readonly ours: string
  readonly theirs: string
}

/**
 * Why they rightly differ, or do by chance. Of what is said here everything has to hold: a reason is as narrow as it can be, lest it
 * hide a defect.
 */
export interface Reason<Trial, D extends Difference = Difference> {
  readonly why: string
  /** Of which trials. */
  readonly of?: (trial: Trial) => boolean
  readonly fact?: RegExp
  /** Of `ours ≠ theirs`. */
  readonly value?: RegExp
  /** What both mean is the same in this way of writing. */
  readonly meaning?: (value: string) => string
  readonly covers?: (difference: D, trial: Trial) => boolean
}

/** Whether one of the reasons is that of this difference. */
export function isExplained<Trial, D extends Difference>(
  reasons: readonly Reason<Trial, D>[],
  difference: D,
  trial: Trial,
): boolean {
  const { fact, ours, theirs } = difference
  return reasons.some(
    (reason) =>
      reason.of?.(trial) !== false &&
      reason.fact?.test(fact) !== false &&
      reason.value?.test(`${ours} ≠ ${theirs}`) !== false &&
      (reason.meaning === undefined || same(reason.meaning(ours), reason.meaning(theirs))) &&
      reason.covers?.(difference, trial) !== false,
  )
}

/** Long values are cut, wherever that falls. */
function same(ours: string, theirs: string): boolean {
  if (!ours.endsWith('…"') && !theirs.endsWith('…"')) return ours === theirs
  const length = Math.min(ours.length, theirs.length) - 2
  return ours.slice(0, length) === theirs.slice(0, length)
}
