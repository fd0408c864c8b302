/** Which of its chains a listener gives a connection to: `filter_chain_matcher` decides, or what the chains themselves ask for. */
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import type { Take } from './chain-criteria.ts'
import { chainMatcher } from './chain-matcher.ts'
import { chainTree } from './chain-tree.ts'

/** `chains` stand in the order of the config, the default one last. */
export function chainChooser<T>(
  { filterChains, defaultFilterChain, filterChainMatcher }: Listener,
  chains: readonly T[],
  path: string,
): Take<T> {
  const fallback = defaultFilterChain === undefined ? undefined : chains[filterChains.length]
  const candidates = filterChains.map(({ name, filterChainMatch: match }, i) => {
    return { chain: chains[i], name, match, path: `${path}.filter_chains[${i}]` }
  })
  if (filterChainMatcher !== undefined)
    return chainMatcher(filterChainMatcher, candidates, fallback, `${path}.filter_chain_matcher`)
  const tree = chainTree(candidates)
  return fallback === undefined ? tree : (facts) => tree(facts) ?? fallback
}
