import { differences, kindOf } from './differences.ts'
import type { Pair } from './pair.ts'
import type { Trial } from './trial.ts'

export type Path = readonly (string | number)[]
/** Which of the candidates still show the difference. */
type Shows<T> = (candidates: readonly T[]) => Promise<boolean[]>

const AT_ONCE = 60
/** Of things in a configuration. */
const DEEPEST = 14

/** The smallest trial found that still shows the difference. */
export async function reduce(pair: Pair, trial: Trial, kind: string): Promise<Trial> {
  const shows: Shows<Trial> = async (candidates) => {
    const results: boolean[] = []
    for (let i = 0; i < candidates.length; i += AT_ONCE) {
      const some = candidates.slice(i, i + AT_ONCE)
      const outcomes = await pair.run(some)
      results.push(
        ...some.map((one, j) => differences(one, outcomes[j]).some((difference) => kindOf(difference) === kind)),
      )
    }
    return results
  }
  let smallest = trial
  const alone = trial.requests.map((request) => ({ ...trial, requests: [request] }))
  const found = (await shows(alone)).indexOf(true)
  if (found !== -1) smallest = alone[found]
  return thinned(smallest, needed, shows)
}

/**
 * Whatever can be left out of a tree, is. Other than fast-check's own shrinking it tries many candidates at once, as the proxies take
 * many listeners for the price of one.
 */
async function thinned<T>(tree: T, kept: (path: Path) => boolean, shows: Shows<T>): Promise<T> {
  let smallest = tree
  // What is outermost first: most of a trial goes with it. Then once more, as things may have become spare.
  for (let round = 0; round < 2; round++) {
    for (let depth = 2; depth <= DEEPEST; depth++) smallest = await thin(smallest, depth, kept, shows)
  }
  return smallest
}

/** Leaves out what can be left out at one depth. */
async function thin<T>(tree: T, depth: number, kept: (path: Path) => boolean, shows: Shows<T>): Promise<T> {
  const paths = removable(tree, kept).filter((path) => path.length === depth)
  if (paths.length === 0) return tree
  const able = await shows(paths.map((path) => without(tree, [path])))
  const spare = paths.filter((_, i) => able[i])
  // All that can go alone seldom can go together: then halves, quarters and single ones.
  for (let size = spare.length; size >= 1; size = size >> 1) {
    const sets: Path[][] = []
    for (let i = 0; i < spare.length; i += size) sets.push(spare.slice(i, i + size))
    const candidates = sets.map((set) => without(tree, set))
    const first = (await shows(candidates)).indexOf(true)
    if (first !== -1) return thin(candidates[first], depth, kept, shows)
  }
  return tree
}

/** Everything that can be left out, large things first. */
function removable(tree: unknown, kept: (path: Path) => boolean): Path[] {
  const paths: Path[] = []
  const visit = (value: unknown, path: Path): void => {
    if (value === null || typeof value !== 'object') return
    for (const [key, item] of Object.entries(value)) {
      const next = [...path, Array.isArray(value) ? Number(key) : key]
      if (path.length > 0 && !kept(next)) paths.push(next)
      visit(item, next)
    }
  }
  visit(tree, [])
  return paths
}

/** Parts of a request's fields and the like mean nothing alone; Envoy falls over a branch for server names that leads nowhere. */
function needed(path: Path): boolean {
  const last = path[path.length - 1]
  if (last === '@type' || last === 'on_match') return true
  if (path[0] !== 'requests') return false
  return path.length < 3 || (path[2] === 'headers' ? path.length !== 4 : path[2] !== 'body')
}

function without<T>(tree: T, paths: readonly Path[]): T {
  const copy = structuredClone(tree)
  // From behind, so that earlier places in a list stay what they are.
  for (const path of [...paths].sort(fromBehind)) {
    let parent: unknown = copy
    for (const key of path.slice(0, -1)) parent = (parent as Record<string, unknown> | undefined)?.[key as string]
    const last = path[path.length - 1]
    if (Array.isArray(parent)) parent.splice(Number(last), 1)
    else if (parent !== null && typeof parent === 'object') delete (parent as Record<string, unknown>)[last as string]
  }
  return copy
}

function fromBehind(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] === b[i]) continue
    return typeof a[i] === 'number' && typeof b[i] === 'number' ? Number(b[i]) - Number(a[i]) : a[i] < b[i] ? 1 : -1
  }
  return b.length - a.length
}
