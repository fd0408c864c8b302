/**
 * What one variant costs more than another, on a machine with neighbours: both run in turn in blocks of well under a millisecond, in
 * the order A B B A, so that a burst, a warm cache or a slower clock falls on both; each turn gives one ratio. The median of hundreds
 * of ratios does not move with the neighbours, and the quartiles tell how far a single one can be trusted.
 */
export interface Paired {
  /** Nanoseconds per call, the median of the blocks. */
  readonly a: number
  readonly b: number
  /** a / b: median, quartiles, and the 95 % interval of the median (order statistics of the binomial). */
  readonly ratio: number
  readonly quartiles: readonly [number, number]
  readonly interval: readonly [number, number]
}

const BLOCK_MS = 0.4
const WARM_UP_MS = 700

export function compareInTurn(a: () => void, b: () => void, turns = 600): Paired {
  const count = warmUp(a, b)
  const as: number[] = []
  const bs: number[] = []
  const ratios: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    const first = time(a, count)
    const second = time(b, count) + time(b, count)
    const last = time(a, count)
    as.push((first + last) / 2 / count)
    bs.push(second / 2 / count)
    ratios.push((first + last) / second)
  }
  const sorted = ratios.sort((x, y) => x - y)
  const half = 0.98 * Math.sqrt(turns)
  return {
    a:
      at(
        as.sort((x, y) => x - y),
        0.5,
      ) * 1e6,
    b:
      at(
        bs.sort((x, y) => x - y),
        0.5,
      ) * 1e6,
    ratio: at(sorted, 0.5),
    quartiles: [at(sorted, 0.25), at(sorted, 0.75)],
    interval: [sorted[Math.floor(turns / 2 - half)], sorted[Math.ceil(turns / 2 + half)]],
  }
}

/** Nanoseconds per call: the best and the median of many short blocks. A neighbour can only add to them. */
export function measure(run: () => void, blocks = 400): { best: number; median: number } {
  const count = warmUp(run, run)
  const times = Array.from({ length: blocks }, () => (time(run, count) / count) * 1e6).sort((x, y) => x - y)
  return { best: times[0], median: at(times, 0.5) }
}

/** Until both are compiled as well as they will be; gives how many calls fill a block. */
function warmUp(a: () => void, b: () => void): number {
  let count = 1
  for (const end = performance.now() + 2 * WARM_UP_MS; performance.now() < end; ) {
    const took = (time(a, count) + time(b, count)) / 2
    count = Math.max(1, Math.round((count * BLOCK_MS) / Math.max(took, 0.001)))
    count = Math.min(count, 100_000)
  }
  return count
}

function time(run: () => void, count: number): number {
  const start = performance.now()
  for (let i = 0; i < count; i++) run()
  return performance.now() - start
}

/** The value at a part of a sorted list. */
export function at(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}
