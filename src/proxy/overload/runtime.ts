/** `layered_runtime` of the bootstrap: its static layers, as far as there is something that they set. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { unsupported } from '../config/fields.ts'

export const CONNECTIONS_KEY = 'overload.global_downstream_max_connections'

/** Guards of Envoy's own code and a limit of its own regex compiler. Everybody's bootstraps have some, which say nothing to us. */
const OF_ENVOY = /^(envoy\.((reloadable|restart|deprecated)_features|features)[.:]|re2\.max_program_size\.)/

/** A limit that was believed to be kept would be worse than none. */
const LISTENER_LIMIT = /^envoy\.resource_limits\.listener\./

/** The values by key, dots between the names of nested ones; later layers win. A key that would be for nothing is refused. */
export function runtimeValues(bootstrap: Bootstrap): ReadonlyMap<string, JsonValue> {
  const values = new Map<string, JsonValue>()
  bootstrap.layeredRuntime?.layers.forEach(({ layerSpecifier: layer }, i) => {
    const path = `bootstrap.layered_runtime.layers[${i}]`
    // Nobody can change a value: there is no /runtime_modify.
    if (layer.case === 'adminLayer') return
    if (layer.case !== 'staticLayer')
      throw unsupported(path, `${layer.case ?? 'a layer without content'}; only static_layer`)
    flatten(layer.value, '', values)
    for (const key of values.keys()) {
      if (key !== CONNECTIONS_KEY && !OF_ENVOY.test(key))
        throw unsupported(
          `${path}.static_layer["${key}"]`,
          LISTENER_LIMIT.test(key)
            ? 'the limit of a listener; its network filter envoy.filters.network.connection_limit is one'
            : 'nothing here is set by this key',
        )
    }
  })
  return values
}

function flatten(layer: JsonObject, prefix: string, values: Map<string, JsonValue>): void {
  for (const [name, value] of Object.entries(layer)) {
    const key = prefix + name
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) flatten(value, `${key}.`, values)
    else values.set(key, value)
  }
}

/** Keys that are taken and change nothing, for the log. */
export function runtimeKeysWithoutEffect(bootstrap: Bootstrap): string[] {
  return [...runtimeValues(bootstrap).keys()].filter((key) => key !== CONNECTIONS_KEY)
}
