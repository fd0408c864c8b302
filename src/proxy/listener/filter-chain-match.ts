import {
  type FilterChainMatch,
  FilterChainMatchSchema,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { onlyFields } from '../config/fields.ts'
import { type AddressMatch, cidrMatch, isInternalAddress } from '../match/cidr.ts'

/** What is known of a connection when its filter chain is chosen. */
export interface ChainFacts {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly directRemoteAddress: string
  readonly serverName: string
  /** `tls` or `raw_buffer`. */
  readonly transport: string
  readonly protocols: readonly string[]
}

const FIELDS = [
  'destination_port',
  'prefix_ranges',
  'direct_source_prefix_ranges',
  'source_type',
  'source_prefix_ranges',
  'source_ports',
  'server_names',
  'transport_protocol',
  'application_protocols',
]

/** One criterion: -1 when it does not match, else the higher the more specific. */
type Score = (facts: ChainFacts) => number

/**
 * A compiled FilterChainMatch. Envoy narrows the chains down criterion by criterion, in this order, and never goes back; comparing
 * the lists of scores from the left is the same thing.
 */
export class ChainMatch {
  readonly #scores: readonly Score[]
  readonly needsTlsPeek: boolean
  readonly needsHttpPeek: boolean

  constructor(match: FilterChainMatch | undefined, path: string) {
    if (match === undefined) {
      this.#scores = []
      this.needsTlsPeek = false
      this.needsHttpPeek = false
      return
    }
    onlyFields(FilterChainMatchSchema, match, FIELDS, path)
    const names = match.serverNames.map((name) => name.toLowerCase())
    const protocols = match.applicationProtocols
    this.needsTlsPeek = names.length > 0 || match.transportProtocol !== '' || protocols.length > 0
    this.needsHttpPeek = protocols.some((protocol) => protocol.startsWith('http/') || protocol === 'h2c')
    this.#scores = [
      exact(match.destinationPort, (facts) => facts.localPort),
      ranges(match.prefixRanges, `${path}.prefix_ranges`, (facts) => facts.localAddress),
      names.length === 0 ? anything : (facts) => nameScore(names, facts.serverName),
      match.transportProtocol === '' ? anything : (facts) => (facts.transport === match.transportProtocol ? 1 : -1),
      protocols.length === 0 ? anything : (facts) => (facts.protocols.some((p) => protocols.includes(p)) ? 1 : -1),
      ranges(
        match.directSourcePrefixRanges,
        `${path}.direct_source_prefix_ranges`,
        (facts) => facts.directRemoteAddress,
      ),
      sourceType(match.sourceType),
      ranges(match.sourcePrefixRanges, `${path}.source_prefix_ranges`, (facts) => facts.remoteAddress),
      match.sourcePorts.length === 0 ? anything : (facts) => (match.sourcePorts.includes(facts.remotePort) ? 1 : -1),
    ]
  }

  /** `undefined` when the chain does not match. */
  score(facts: ChainFacts): readonly number[] | undefined {
    const result: number[] = []
    for (const score of this.#scores) {
      const value = score(facts)
      if (value < 0) return undefined
      result.push(value)
    }
    return result
  }
}

/** The most specific of the chains that match. */
export function bestChain<T extends { readonly match: ChainMatch }>(
  chains: readonly T[],
  facts: ChainFacts,
): T | undefined {
  if (chains.length === 1 && !chains[0].match.needsTlsPeek)
    return chains[0].match.score(facts) === undefined ? undefined : chains[0]
  let best: T | undefined
  let bestScore: readonly number[] = []
  for (const chain of chains) {
    const score = chain.match.score(facts)
    if (score !== undefined && (best === undefined || compare(score, bestScore) > 0)) {
      best = chain
      bestScore = score
    }
  }
  return best
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 9; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const anything: Score = () => 0

function exact(wanted: number | undefined, read: (facts: ChainFacts) => number): Score {
  return wanted === undefined ? anything : (facts) => (read(facts) === wanted ? 1 : -1)
}

function ranges(list: FilterChainMatch['prefixRanges'], path: string, read: (facts: ChainFacts) => string): Score {
  if (list.length === 0) return anything
  const each: { length: number; match: AddressMatch }[] = list.map((range, i) => ({
    length: (range.prefixLen ?? 0) + 1,
    match: cidrMatch([range], `${path}[${i}]`),
  }))
  each.sort((a, b) => b.length - a.length)
  return (facts) => each.find(({ match }) => match(read(facts)))?.length ?? -1
}

/** An exact name before a wildcard, a longer wildcard before a shorter one. */
function nameScore(names: readonly string[], serverName: string): number {
  const name = serverName.toLowerCase()
  let best = -1
  for (const wanted of names) {
    if (wanted === name) return 1000
    if (wanted.startsWith('*.') && name.endsWith(wanted.slice(1)) && name.length >= wanted.length)
      best = Math.max(best, wanted.length)
    else if (wanted === '*') best = Math.max(best, 0)
  }
  return best
}

function sourceType(type: SourceType): Score {
  if (type === SourceType.ANY) return anything
  const local = (facts: ChainFacts) =>
    isInternalAddress(facts.remoteAddress) && facts.remoteAddress === facts.localAddress
  return (facts) => (local(facts) === (type === SourceType.SAME_IP_OR_LOOPBACK) ? 1 : -1)
}
