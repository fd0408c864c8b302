import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type HttpFilter as HttpFilterProto,
  HttpFilterSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid, onlyFields, standingAt, unsupported } from '../config/fields.ts'
import { DiscoveredFilter } from '../filter-chain/discovered-filter.ts'
import type { FilterFactory } from '../filter-chain/factory.ts'
import { type ChainPlace, makeFilter } from '../filter-chain/make-filter.ts'
import { FilterSlot } from '../filter-chain/slot.ts'
import { ISTIO_PASSIVE } from '../filters/istio.ts'
import type { HttpFilterConfig } from './filter.ts'

type HttpFactory = FilterFactory<HttpFilterConfig>
type HttpSlot = FilterSlot<HttpFilterConfig>

/** The filters of a connection manager. */
export interface CompiledFilters {
  readonly slots: readonly HttpSlot[]
  close(): void
}

/** Compiles a chain of HTTP filters, a `list` of the manager; what was made is destroyed again when one of them cannot be. */
export async function compileHttpFilters(
  filters: readonly HttpFilterProto[],
  place: ChainPlace,
  list = 'http_filters',
): Promise<CompiledFilters> {
  const known = place.context.httpFilters
  const slots: HttpSlot[] = []
  const followers: DiscoveredFilter<HttpFilterConfig>[] = []
  const close = () => {
    for (const follower of followers) follower.close()
    for (const slot of slots) slot.close()
  }
  try {
    for (const [i, filter] of filters.entries()) {
      const path = `${place.path}.${list}[${i}]`
      const last = i === filters.length - 1
      onlyFields(
        HttpFilterSchema,
        filter,
        ['name', 'typed_config', 'config_discovery', 'is_optional', 'disabled'],
        path,
      )
      const slot: HttpSlot = new FilterSlot(filter.name, filter.disabled)
      if (filter.configType.case === 'configDiscovery') {
        if (last) throw invalid(path, 'a terminal filter cannot be discovered')
        const follower = new DiscoveredFilter(slot, filter.configType.value, known, place, path)
        followers.push(follower)
        await follower.start()
      } else {
        const found = resolve(filter.configType.value, filter.isOptional, place, path)
        if (found === undefined) continue
        checkPlace(found.factory, filter.name, last, path)
        const order = { name: filter.name, message: found.message, prepared: place.prepared.get(path) }
        const made = await standingAt(path, () => makeFilter(found.factory, order, place))
        if (made !== undefined) slot.replace(made)
      }
      slots.push(slot)
    }
    if (filters.length === 0) throw invalid(`${place.path}.${list}`, 'a terminal filter (router) is missing')
  } catch (error) {
    close()
    throw error
  }
  return { slots, close }
}

/** `undefined`: a filter that does nothing here. */
function resolve(
  any: Any | undefined,
  optional: boolean,
  place: ChainPlace,
  path: string,
): { factory: HttpFactory; message: unknown } | undefined {
  const { typeName, message } = unpack(any, `${path}.typed_config`)
  if (ISTIO_PASSIVE.has(typeName)) return undefined
  const factory = place.context.httpFilters.find(typeName)
  if (factory !== undefined && message !== undefined) return { factory, message }
  if (optional) return undefined
  throw unsupported(path, `HTTP filter ${typeName}`)
}

function checkPlace(factory: HttpFactory, name: string, last: boolean, path: string): void {
  if (factory.terminal === true && !last) throw invalid(path, `terminal filter ${name} must be the last filter`)
  if (factory.terminal !== true && last) throw invalid(path, `non-terminal filter ${name} is the last filter`)
}
