import type { Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { FilterConfig } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { unpack } from '../config/any.ts'
import { unsupported } from '../config/fields.ts'

/** Compiles one `typed_per_filter_config`; `undefined` from it means that nobody reads such a type. */
export type RouteConfigCompiler = (typeName: string, message: Message, filterName: string) => unknown

/** `typed_per_filter_config` of one level, by the names of filters. */
export interface PerFilterConfig {
  readonly configs: ReadonlyMap<string, unknown>
  readonly disabled: ReadonlyMap<string, boolean>
}

const NONE: PerFilterConfig = { configs: new Map(), disabled: new Map() }

/** Compiles it; `FilterConfig` with `disabled` turns a filter on or off. */
export function compilePerFilter(
  typed: Readonly<Record<string, Any>>,
  compile: RouteConfigCompiler,
  path: string,
): PerFilterConfig {
  const entries = Object.entries(typed)
  if (entries.length === 0) return NONE
  const configs = new Map<string, unknown>()
  const disabled = new Map<string, boolean>()
  for (const [name, any] of entries) {
    const where = `${path}.typed_per_filter_config["${name}"]`
    let { typeName, message } = unpack(any, where)
    let optional = false
    if (typeName === 'envoy.config.route.v3.FilterConfig') {
      const wrapper = message as FilterConfig
      optional = wrapper.isOptional
      if (wrapper.disabled) {
        disabled.set(name, true)
        continue
      }
      disabled.set(name, false)
      if (wrapper.config === undefined || wrapper.config.typeUrl === '') continue
      ;({ typeName, message } = unpack(wrapper.config, `${where}.config`))
    }
    const compiled = message === undefined ? undefined : compile(typeName, message, name)
    if (compiled === undefined) {
      if (optional) continue
      throw unsupported(where, `no filter takes a route config of type ${typeName}`)
    }
    configs.set(name, compiled)
  }
  return { configs, disabled }
}
