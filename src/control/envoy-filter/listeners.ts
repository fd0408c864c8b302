import type { Config } from '../envoy/config.ts'
import { nameMatches, patchFilters } from './filter-list.ts'
import { mergeMessage } from './message.ts'
import type { Part, Patch } from './patch.ts'
import type { PatchSet } from './select.ts'

const HCM = 'envoy.filters.network.http_connection_manager'

/**
 * Applies an EnvoyFilter's patches to listeners, in Istio's order: the listener, its listener filters, then each chain, its network
 * filters, its HTTP filters; additions of chains and listeners last.
 */
export function patchListeners(listeners: readonly Config[], set: PatchSet): Config[] {
  const patched: Config[] = []
  for (const original of listeners) {
    const listener = patchListener(original, set)
    if (listener !== undefined) patched.push(listener)
  }
  for (const patch of set.of('LISTENER')) {
    if (patch.operation !== 'ADD' || patch.value === undefined) continue
    patched.push(patch.value)
    set.applied(patch)
  }
  return patched
}

function patchListener(original: Config, set: PatchSet): Config | undefined {
  let listener = original
  for (const patch of set.of('LISTENER')) {
    if (!listenerFits(patch, listener)) continue
    if (patch.operation === 'REMOVE') {
      set.applied(patch)
      return undefined
    }
    if (patch.operation !== 'MERGE' || patch.value === undefined) continue
    listener = mergeMessage('envoy.config.listener.v3.Listener', listener, patch.value)
    set.applied(patch)
  }
  const listenerFilters = patchFilters(
    (listener['listener_filters'] as Config[] | undefined) ?? [],
    set.of('LISTENER_FILTER'),
    set,
    (patch) => listenerFits(patch, listener),
    (patch) => patch.match['listener']?.listenerFilter,
  )
  const chains = ((listener['filter_chains'] as Config[] | undefined) ?? [])
    .map((chain) => patchChain(listener, chain, set))
    .filter((chain) => chain !== undefined)
  for (const patch of set.of('FILTER_CHAIN')) {
    if (patch.operation !== 'ADD' || patch.value === undefined || !listenerFits(patch, listener)) continue
    chains.push(patch.value)
    set.applied(patch)
  }
  return {
    ...listener,
    filter_chains: chains,
    listener_filters: listenerFilters.length === 0 ? undefined : listenerFilters,
  }
}

function patchChain(listener: Config, original: Config, set: PatchSet): Config | undefined {
  let chain = original
  for (const patch of set.of('FILTER_CHAIN')) {
    if (!chainFits(patch, listener, chain)) continue
    if (patch.operation === 'REMOVE') {
      set.applied(patch)
      return undefined
    }
    if (patch.operation !== 'MERGE' || patch.value === undefined) continue
    chain = mergeMessage('envoy.config.listener.v3.FilterChain', chain, patch.value)
    set.applied(patch)
  }
  const filters = patchFilters(
    (chain['filters'] as Config[] | undefined) ?? [],
    set.of('NETWORK_FILTER'),
    set,
    (patch) => chainFits(patch, listener, chain),
    (patch) => patch.match['listener']?.filterChain?.filter?.name,
  )
  return { ...chain, filters: filters.map((filter) => patchHttp(listener, chain, filter, set)) }
}

function patchHttp(listener: Config, chain: Config, filter: Config, set: PatchSet): Config {
  if (filter['name'] !== HCM) return filter
  const config = filter['typed_config'] as Config
  const httpFilters = patchFilters(
    config['http_filters'] as Config[],
    set.of('HTTP_FILTER'),
    set,
    (patch) => chainFits(patch, listener, chain) && namesConnectionManager(patch),
    (patch) => patch.match['listener']?.filterChain?.filter?.subFilter?.name,
  )
  return { ...filter, typed_config: { ...config, http_filters: httpFilters } }
}

function namesConnectionManager(patch: Patch): boolean {
  const name = patch.match['listener']?.filterChain?.filter?.name
  return name === undefined || nameMatches(name, HCM)
}

function listenerFits({ match }: Patch, listener: Config): boolean {
  const wanted: Part = match['listener'] ?? {}
  if (wanted['name'] !== undefined && wanted['name'] !== '' && wanted['name'] !== listener['name']) return false
  if (!wanted['portNumber']) return true
  const address = listener['address'] as { socket_address?: { port_value?: number } } | undefined
  return address?.socket_address?.port_value === wanted['portNumber']
}

function chainFits(patch: Patch, listener: Config, chain: Config): boolean {
  if (!listenerFits(patch, listener)) return false
  const wanted: Part | undefined = patch.match['listener']?.filterChain
  if (wanted === undefined) return true
  const match = (chain['filter_chain_match'] ?? {}) as Config
  if (wanted['name'] !== undefined && wanted['name'] !== chain['name']) return false
  if (wanted['sni'] !== undefined && !list(match['server_names']).includes(wanted['sni'])) return false
  if (wanted['transportProtocol'] !== undefined && wanted['transportProtocol'] !== match['transport_protocol'])
    return false
  if (wanted['destinationPort'] && wanted['destinationPort'] !== match['destination_port']) return false
  const protocols: string[] = wanted['applicationProtocols']?.split(',') ?? []
  if (!protocols.every((protocol) => list(match['application_protocols']).includes(protocol.trim()))) return false
  return hasFilter(wanted['filter'], chain)
}

/** A chain matches by a filter's name when it holds that filter. */
function hasFilter(wanted: Part | undefined, chain: Config): boolean {
  if (wanted?.['name'] === undefined) return true
  return ((chain['filters'] as Config[] | undefined) ?? []).some((filter) =>
    nameMatches(wanted['name'], filter['name']),
  )
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value : []
}
