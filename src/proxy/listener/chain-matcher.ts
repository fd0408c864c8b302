/** `filter_chain_matcher`: xDS's generic matching, whose actions name a filter chain. */
import { isIP } from 'node:net'
import { StringValueSchema } from '@bufbuild/protobuf/wkt'
import {
  type Config as EnvironmentVariable,
  ConfigSchema as EnvironmentVariableSchema,
} from '../../../gen/envoy/extensions/matching/common_inputs/environment_variable/v3/input_pb.ts'
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  type FilterStateInput,
  FilterStateInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
  SourceTypeInputSchema,
  TransportProtocolInputSchema,
} from '../../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts'
import {
  DnsSanInputSchema,
  SubjectInputSchema,
  UriSanInputSchema,
} from '../../../gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.ts'
import type { Matcher } from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { invalid, unsupported } from '../config/fields.ts'
import { environmentInput, filterStateInput } from '../match/common-inputs.ts'
import { type MatchInput, matchTree } from '../match/tree.ts'
import { UNDECIDED, type Undecided } from '../match/undecided.ts'
import type { Take } from './chain-criteria.ts'
import { type ChainFacts, isLocal } from './chain-facts.ts'

/** A chain that the matcher may name, and where it stands. */
interface NamedChain<T> {
  readonly chain: T
  readonly name: string
  readonly path: string
}

/** `fallback`: of connections that the matcher has no action for. Who is sent to a name that no chain has gets none. */
export function chainMatcher<T>(
  matcher: Matcher,
  chains: readonly NamedChain<T>[],
  fallback: T | undefined,
  path: string,
): Take<T> {
  const byName = new Map<string, T>()
  for (const { chain, name, path: where } of chains) {
    if (name === '') throw invalid(`${where}.name`, 'is missing, which filter_chain_matcher goes by')
    if (byName.has(name)) throw invalid(`${where}.name`, `"${name}" is the name of two chains`)
    byName.set(name, chain)
  }
  const tree = matchTree<ChainFacts, { readonly chain: T | undefined }>(matcher, path, {
    keepsMatching: true,
    input,
    action(typeName, message, where) {
      if (typeName !== StringValueSchema.typeName) throw unsupported(where, `action ${typeName}`)
      return { chain: byName.get((message as unknown as { value: string }).value) }
    },
  })
  return (facts) => {
    const action = tree(facts)
    return action === undefined ? fallback : action.chain
  }
}

/** Certificates come with the handshake, for which the chain has to be known. */
const later = (): Undecided => UNDECIDED

const INPUTS: Readonly<Record<string, MatchInput<ChainFacts>>> = {
  [DestinationIPInputSchema.typeName]: ({ localAddress }) => address(localAddress),
  [DestinationPortInputSchema.typeName]: ({ localAddress, localPort }) => address(localAddress) && String(localPort),
  [SourceIPInputSchema.typeName]: ({ remoteAddress }) => address(remoteAddress),
  [SourcePortInputSchema.typeName]: ({ remoteAddress, remotePort }) => address(remoteAddress) && String(remotePort),
  [DirectSourceIPInputSchema.typeName]: ({ directRemoteAddress }) => address(directRemoteAddress),
  [SourceTypeInputSchema.typeName]: (facts) => (isLocal(facts) ? 'local' : undefined),
  [ServerNameInputSchema.typeName]: ({ serverName }) => serverName || undefined,
  [TransportProtocolInputSchema.typeName]: ({ transport }) => transport,
  [ApplicationProtocolInputSchema.typeName]: ({ protocols }) =>
    protocols.length === 0 ? undefined : protocols.map((protocol) => `'${protocol}'`).join(','),
  [UriSanInputSchema.typeName]: later,
  [DnsSanInputSchema.typeName]: later,
  [SubjectInputSchema.typeName]: later,
}

/** Of what has no IP address there is none to compare. */
function address(told: string): string | undefined {
  return isIP(told) === 0 ? undefined : told
}

function input(typeName: string, message: unknown, path: string): MatchInput<ChainFacts> {
  if (Object.hasOwn(INPUTS, typeName)) return INPUTS[typeName]
  switch (typeName) {
    case FilterStateInputSchema.typeName: {
      const read = filterStateInput(message as FilterStateInput, path)
      // No listener filter leaves any.
      return () => read(undefined)
    }
    case EnvironmentVariableSchema.typeName:
      return environmentInput(message as EnvironmentVariable, path)
    default:
      throw unsupported(path, `input ${typeName}`)
  }
}
