import { type Filter, FilterSchema } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid, onlyFields, standingAt, unsupported } from '../config/fields.ts'
import { DiscoveredFilter } from '../filter-chain/discovered-filter.ts'
import { type ChainPlace, makeFilter } from '../filter-chain/make-filter.ts'
import { FilterSlot } from '../filter-chain/slot.ts'
import { ISTIO_PASSIVE } from '../filters/istio.ts'
import type { NetworkFilterConfig } from './filter.ts'

/** A place in a network filter chain; connections keep the config that they began with. */
export type NetworkSlot = FilterSlot<NetworkFilterConfig>

/** The network filters of a chain. */
export interface CompiledNetworkFilters {
  readonly slots: readonly NetworkSlot[]
  close(): void
}

/** Compiles the filters of a chain that stand before a connection manager, or all of them with their terminal one. */
export async function compileNetworkFilters(
  filters: readonly Filter[],
  place: ChainPlace,
  needsTerminal: boolean,
): Promise<CompiledNetworkFilters> {
  const known = place.context.networkFilters
  const slots: NetworkSlot[] = []
  const followers: DiscoveredFilter<NetworkFilterConfig>[] = []
  const close = () => {
    for (const follower of followers) follower.close()
    for (const slot of slots) slot.close()
  }
  try {
    let terminal = false
    for (const [i, filter] of filters.entries()) {
      const path = `${place.path}.filters[${i}]`
      if (terminal) throw invalid(path, 'a filter after a terminal one')
      onlyFields(FilterSchema, filter, ['name', 'typed_config', 'config_discovery'], path)
      const slot: NetworkSlot = new FilterSlot(filter.name)
      if (filter.configType.case === 'configDiscovery') {
        const follower = new DiscoveredFilter(slot, filter.configType.value, known, place, path)
        followers.push(follower)
        await follower.start()
      } else {
        const { typeName, message } = unpack(filter.configType.value, `${path}.typed_config`)
        if (ISTIO_PASSIVE.has(typeName)) continue
        const factory = known.find(typeName)
        if (factory === undefined || message === undefined) throw unsupported(path, `network filter ${typeName}`)
        terminal = factory.terminal === true
        const order = { name: filter.name, message, prepared: place.prepared.get(path) }
        const made = await standingAt(path, () => makeFilter(factory, order, place))
        if (made !== undefined) slot.replace(made)
      }
      slots.push(slot)
    }
    if (needsTerminal && !terminal) throw invalid(`${place.path}.filters`, 'a terminal filter is missing')
  } catch (error) {
    close()
    throw error
  }
  return { slots, close }
}
