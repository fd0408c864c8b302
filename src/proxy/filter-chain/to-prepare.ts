import type { Filter as NetworkFilterProto } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import type { HttpFilter as HttpFilterProto } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { unpack } from '../config/any.ts'
import { defaultConfigPath } from './discovered-filter.ts'
import type { FilterConfig, FilterFactory } from './factory.ts'
import type { FilterRegistry } from './registry.ts'

interface ToPrepare {
  /** Under which the filter finds what was prepared for it. */
  readonly path: string
  readonly factory: FilterFactory<FilterConfig>
  readonly message: unknown
}

/**
 * The filters with `prepare` whose config stands in the listener: the filter's own, or the default of one that is discovered.
 * `path` is that of their list.
 */
export function filtersToPrepare(
  filters: readonly (HttpFilterProto | NetworkFilterProto)[],
  known: FilterRegistry<FilterConfig>,
  path: string,
): ToPrepare[] {
  return filters.flatMap(({ configType }, i) => {
    const own = configType.case === 'typedConfig'
    const any = own ? configType.value : configType.value?.defaultConfig
    if (any === undefined) return []
    const where = own ? `${path}[${i}]` : defaultConfigPath(`${path}[${i}]`)
    const { typeName, message } = unpack(any, own ? `${where}.typed_config` : where)
    const factory = known.find(typeName)
    return factory?.prepare === undefined ? [] : [{ path: where, factory, message }]
  })
}
