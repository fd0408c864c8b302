/** `layered_runtime` of the bootstrap: its static layers, as far as there is something that they set. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { invalid, unsupported } from '../config/fields.ts'

/** Envoy's older way of limiting connections, beside its resource monitor. */
export const CONNECTIONS_KEY = 'overload.global_downstream_max_connections'

/** Guards of Envoy's own code and a limit of its own regex compiler. Everybody's bootstraps have some, which say nothing to us. */
const OF_ENVOY = /^(envoy\.((reloadable|restart|deprecated)_features|features)[.:]|re2\.max_program_size\.)/

/** How many connections a listener may have; its name may have dots. */
const LISTENER_LIMIT = /^envoy\.resource_limits\.listener\.(.+)\.connection_limit$/

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
      if (key !== CONNECTIONS_KEY && !OF_ENVOY.test(key) && !LISTENER_LIMIT.test(key))
        throw unsupported(`${path}.static_layer["${key}"]`, 'nothing here is set by this key')
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

/** A number, or a text of digits. */
export function wholeNumber(key: string, value: JsonValue): number {
  const good = typeof value === 'string' ? /^\d+$/.test(value) : Number.isInteger(value) && Number(value) >= 0
  if (!good) throw invalid(`bootstrap.layered_runtime["${key}"]`, `${JSON.stringify(value)} is not a whole number`)
  return Number(value)
}

/** `envoy.resource_limits.listener.<name>.connection_limit`, by the name. */
export function listenerLimits(bootstrap: Bootstrap): ReadonlyMap<string, number> {
  const limits = new Map<string, number>()
  for (const [key, value] of runtimeValues(bootstrap)) {
    const name = LISTENER_LIMIT.exec(key)?.[1]
    if (name === undefined) continue
    limits.set(name, wholeNumber(key, value))
  }
  return limits
}

/** Keys that are taken and change nothing, for the log. */
export function runtimeKeysWithoutEffect(bootstrap: Bootstrap): string[] {
  return [...runtimeValues(bootstrap).keys()].filter((key) => key !== CONNECTIONS_KEY && !LISTENER_LIMIT.test(key))
}
