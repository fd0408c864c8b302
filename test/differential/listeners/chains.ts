/**
 * Filter chains that tell their names, with what they ask of connections. Nothing here breaks a rule of the message itself: for one listener
 * that does Envoy refuses all that come with it.
 */
import type { Dice } from '../filters/dice.ts'
import { NAMES, OWN_PORT, PROTOCOLS, RANGES, SOURCE_PORT, TOLD_PORTS, WILDCARDS } from './words.ts'

const FILTERS = 'type.googleapis.com/envoy.extensions.filters'

type Json = Record<string, unknown>

/** `cluster`: has an upstream that tells this name. */
export function chain(name: string, match: Json | undefined, cluster = name): Json {
  return {
    name,
    ...(match === undefined ? {} : { filter_chain_match: match }),
    filters: [
      {
        name: 'tcp',
        typed_config: { '@type': `${FILTERS}.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'tcp', cluster },
      },
    ],
  }
}

/** Of two such chains Envoy takes only one: each criterion has something for both. */
export function overlap(one: Json = {}, other: Json = {}): boolean {
  return CRITERIA.every((name) => {
    const [a, b] = [one, other].map((match) => [match[name] ?? []].flat().map((value) => JSON.stringify(value)))
    return a.length === 0 && b.length === 0 ? true : a.some((value) => b.includes(value))
  })
}

export function listenerFilter(kind: 'proxy_protocol' | 'tls_inspector' | 'http_inspector', fields: Json = {}): Json {
  const type = kind
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
  const typed = { '@type': `${FILTERS}.listener.${kind}.v3.${type}`, ...fields }
  return { name: `envoy.filters.listener.${kind}`, typed_config: typed }
}

export function range(dice: Dice): Json {
  const [address, bits] = dice.pick(RANGES)
  if (dice.chance(0.003)) return { address_prefix: dice.pick(['x', '1.2.3', '1.2.3.4.5']), prefix_len: 8 }
  return { address_prefix: address, prefix_len: bits }
}

/** Each criterion stands in a few chains of a listener, so that some meet at it and some do not. */
export function chainMatch(dice: Dice, criteria: readonly string[]): Json {
  const match: Json = {}
  for (const name of criteria) if (dice.chance(0.65)) match[name] = criterion(dice, name)
  return match
}

export const CRITERIA = [
  'destination_port',
  'prefix_ranges',
  'server_names',
  'transport_protocol',
  'application_protocols',
  'direct_source_prefix_ranges',
  'source_type',
  'source_prefix_ranges',
  'source_ports',
]

function criterion(dice: Dice, name: string): unknown {
  const port = () => dice.pick([OWN_PORT, ...TOLD_PORTS])
  switch (name) {
    case 'destination_port':
      return port()
    case 'server_names': {
      const odd = dice.pick(['*', 'a.*', 'A.Example', '', '*.'])
      return dice.list(1, 2, () => (dice.chance(0.05) ? odd : dice.pick([...NAMES, ...WILDCARDS])))
    }
    case 'transport_protocol':
      return dice.pick(['tls', 'tls', 'raw_buffer', 'raw_buffer', 'x'])
    case 'application_protocols':
      return dice.list(1, 2, () => dice.pick(PROTOCOLS))
    case 'source_type':
      return dice.pick(['SAME_IP_OR_LOOPBACK', 'EXTERNAL'])
    case 'source_ports':
      return dice.list(1, 2, () => dice.pick([SOURCE_PORT, ...TOLD_PORTS]))
    default:
      return dice.list(1, 2, () => range(dice))
  }
}
