import type { JsonValue } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { pack } from '../../xds/index.ts'

/** Envoy configuration as JSON in Envoy's own spelling. Fields that are `undefined` are not there. */
export type Config = { [field: string]: unknown }

/** `type.googleapis.com/envoy.<rest>`. */
export function envoyType(rest: string): string {
  return `type.googleapis.com/envoy.${rest}`
}

const MAX_KEPT = 10_000

/** Packs configuration into Anys and hands out the same object for the same content, so that what did not change is not sent. */
export class Packer {
  #now = new Map<string, Any>()
  #before = new Map<string, Any>()

  pack(typeUrl: string, config: Config): Any {
    const text = JSON.stringify(config)
    const key = `${typeUrl} ${text}`
    let any = this.#now.get(key) ?? this.#before.get(key)
    any ??= pack(typeUrl, JSON.parse(text) as JsonValue)
    this.#now.set(key, any)
    return any
  }

  /** Call between generations: what has not been used for long is forgotten. */
  turn(): void {
    if (this.#now.size < MAX_KEPT) return
    this.#before = this.#now
    this.#now = new Map()
  }
}
