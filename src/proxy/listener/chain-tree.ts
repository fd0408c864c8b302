/** `filter_chain_match` of all chains of a listener as one tree, a level for each criterion that some chain has. */
import type { FilterChainMatch } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { invalid } from '../config/fields.ts'
import { ANY, CRITERIA, chainKeys, type Take } from './chain-criteria.ts'

/** A chain with what it asks for, and where that stands. */
export interface Candidate<T> {
  readonly chain: T
  readonly match: FilterChainMatch | undefined
  readonly path: string
}

interface Keyed<T> {
  readonly chain: T
  readonly path: string
  readonly keys: readonly (readonly (string | number)[])[]
}

/** The chain of a connection; undefined where it comes to an end of the tree on its way. */
export function chainTree<T>(candidates: readonly Candidate<T>[]): Take<T> {
  const keyed = candidates.map(({ chain, match, path }) => {
    const where = `${path}.filter_chain_match`
    return { chain, path: where, keys: chainKeys(match, where) }
  })
  const levels = [...CRITERIA.keys()].filter((level) => keyed.some(({ keys }) => asks(keys[level])))
  return branch(keyed, levels, 0)
}

function asks([first, ...others]: readonly (string | number)[]): boolean {
  return first !== ANY || others.length > 0
}

function branch<T>(chains: readonly Keyed<T>[], levels: readonly number[], depth: number): Take<T> {
  const level = levels[depth]
  if (level === undefined) return leaf(chains)
  const groups = new Map<string | number, Keyed<T>[]>()
  for (const chain of chains) {
    for (const key of chain.keys[level]) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [chain])
      else group.push(chain)
    }
  }
  const branches = new Map([...groups].map(([key, group]) => [key, branch(group, levels, depth + 1)]))
  const take = CRITERIA[level].take(branches)
  return (facts) => take(facts)?.(facts)
}

function leaf<T>([first, second]: readonly Keyed<T>[]): Take<T> {
  if (second !== undefined && second === first) throw invalid(second.path, 'asks for the same twice')
  if (second !== undefined) throw invalid(second.path, `matches connections that ${first.path} matches, too`)
  const chain = first?.chain
  return () => chain
}
