/** What a FilterChainMatch asks of connections, criterion by criterion in Envoy's order (FilterChainManagerImpl). */
import { isIP } from 'node:net'
import type { CidrRange } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import {
  type FilterChainMatch,
  FilterChainMatchSchema,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { ipBytes } from '../../base/ip-bytes.ts'
import { invalid, onlyFields, within } from '../config/fields.ts'
import { cidrMatch } from '../match/cidr.ts'
import { type ChainFacts, isLocal } from './chain-facts.ts'

/** Of chains that ask for nothing. */
export const ANY = ''

/** Chains by what they ask for. */
type Branches<T> = ReadonlyMap<string | number, T>

/** The one branch that a connection goes on with: it never comes back to try another. */
export type Take<T> = (facts: ChainFacts) => T | undefined

/** One of them: the branches that chains make, and which of these a connection takes. */
interface Criterion {
  /** What a chain asks for, each once; of a chain without a condition `[ANY]`. */
  keys(match: FilterChainMatch, path: string): readonly (string | number)[]
  take<T>(branches: Branches<T>): Take<T>
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

/** In the order in which a connection meets them. */
export const CRITERIA: readonly Criterion[] = [
  {
    keys: ({ destinationPort }, path) =>
      destinationPort === undefined ? [ANY] : [port(destinationPort, `${path}.destination_port`)],
    take: (branches) => (facts) => branches.get(facts.localPort) ?? branches.get(ANY),
  },
  ranges(
    (match) => match.prefixRanges,
    'prefix_ranges',
    (facts) => facts.localAddress,
  ),
  { keys: ({ serverNames }, path) => or(serverNames.map((name) => serverName(name, path))), take: takeServerName },
  {
    keys: ({ transportProtocol }) => [transportProtocol],
    take: (branches) => (facts) => branches.get(facts.transport) ?? branches.get(ANY),
  },
  { keys: ({ applicationProtocols }) => or(applicationProtocols), take: takeProtocol },
  ranges(
    (match) => match.directSourcePrefixRanges,
    'direct_source_prefix_ranges',
    (facts) => facts.directRemoteAddress,
  ),
  { keys: ({ sourceType }) => [sourceType === SourceType.ANY ? ANY : sourceType], take: takeSourceType },
  ranges(
    (match) => match.sourcePrefixRanges,
    'source_prefix_ranges',
    (facts) => facts.remoteAddress,
  ),
  {
    keys: ({ sourcePorts }, path) => or(sourcePorts.map((one, i) => port(one, `${path}.source_ports[${i}]`))),
    take: (branches) => (facts) => branches.get(facts.remotePort) ?? branches.get(ANY),
  },
]

/** What a chain asks for in each of the criteria. */
export function chainKeys(
  match: FilterChainMatch | undefined,
  path: string,
): readonly (readonly (string | number)[])[] {
  if (match === undefined) return CRITERIA.map(() => [ANY])
  onlyFields(FilterChainMatchSchema, match, FIELDS, path)
  return CRITERIA.map(({ keys }) => keys(match, path))
}

function or<T extends string | number>(keys: readonly T[]): readonly (T | '')[] {
  return keys.length === 0 ? [ANY] : keys
}

function port(value: number, path: string): number {
  return within(value, 0, 1, 65_535, path)
}

/** `.example.com` for `*.example.com`: Envoy has both under the same key. */
function serverName(name: string, path: string): string {
  const lower = name.toLowerCase()
  if (!lower.startsWith('*.') && lower.includes('*'))
    throw invalid(`${path}.server_names`, `"${name}" is a partial wildcard; only *.example.com is one`)
  return lower.startsWith('*.') ? lower.slice(1) : lower
}

/** The whole name, then what stands behind each dot but a last one. */
function takeServerName<T>(branches: Branches<T>): Take<T> {
  return ({ serverName: name }) => {
    const exact = branches.get(name)
    if (exact !== undefined) return exact
    for (let dot = name.indexOf('.', 1); dot !== -1 && dot < name.length - 1; dot = name.indexOf('.', dot + 1)) {
      const wildcard = branches.get(name.slice(dot))
      if (wildcard !== undefined) return wildcard
    }
    return branches.get(ANY)
  }
}

/** In the order of the client's wishes. */
function takeProtocol<T>(branches: Branches<T>): Take<T> {
  return ({ protocols }) => {
    for (const protocol of protocols) {
      const branch = branches.get(protocol)
      if (branch !== undefined) return branch
    }
    return branches.get(ANY)
  }
}

function takeSourceType<T>(branches: Branches<T>): Take<T> {
  const any = branches.get(ANY)
  const local = branches.get(SourceType.SAME_IP_OR_LOOPBACK) ?? any
  const external = branches.get(SourceType.EXTERNAL) ?? any
  return (facts) => (isLocal(facts) ? local : external)
}

/** Stands for what has no IP address, as in Envoy: no range that anybody writes holds it. */
const NO_ADDRESS = '255.255.255.255'

/** The narrowest range that holds the address. */
function ranges(
  read: (match: FilterChainMatch) => readonly CidrRange[],
  field: string,
  address: (facts: ChainFacts) => string,
): Criterion {
  return {
    keys: (match, path) => or(read(match).map((range, i) => network(range, `${path}.${field}[${i}]`))),
    take(branches) {
      const narrowest = [...branches]
        .filter(([key]) => key !== ANY)
        .map(([key, branch]) => {
          const [addressPrefix, bits] = String(key).split('/')
          const range = { addressPrefix, prefixLen: Number(bits) } as CidrRange
          return { bits: Number(bits), holds: cidrMatch([range], field), branch }
        })
        .sort((a, b) => b.bits - a.bits)
      const any = branches.get(ANY)
      return (facts) => {
        const told = address(facts)
        const ip = isIP(told) === 0 ? NO_ADDRESS : told
        for (const { holds, branch } of narrowest) if (holds(ip)) return branch
        return any
      }
    },
  }
}

/** The range without the bits that do not count: Envoy has 10.1.2.3/8 and 10.0.0.0/8 under one key. */
function network({ addressPrefix, prefixLen }: CidrRange, path: string): string {
  const bytes = ipBytes(addressPrefix)
  if (bytes === undefined) throw invalid(`${path}.address_prefix`, `"${addressPrefix}" is no IP address`)
  // Of IPv4 Envoy takes what is longer than an address for all of it.
  const bits = Math.min(within(prefixLen, 0, 0, 128, `${path}.prefix_len`), bytes.length * 8)
  for (let i = 0; i < bytes.length; i++) bytes[i] &= 0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))
  const text = bytes.length === 4 ? bytes.join('.') : (bytes.toString('hex').match(/.{4}/g) as string[]).join(':')
  return `${text}/${bits}`
}
