import { Status } from "./enums"
import { proxy_get_property, proxy_set_property } from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, takeResult } from "./host/memory"
import { decodePairs, Header } from "./pairs"

/**
 * Attributes of the request, the connection and the node, by path: `["request", "path"]`, `["node", "metadata", "NAME"]`.
 * The attribute decides the type; null means that there is no such attribute, or not now.
 */
export class Property {
  static bytes(path: string[]): ArrayBuffer | null {
    const key = keyOf(path)
    const status = proxy_get_property(changetype<usize>(key), key.byteLength, RESULT_DATA, RESULT_SIZE)
    return status == Status.Ok ? takeResult() : null
  }

  static string(path: string[]): string | null {
    const value = Property.bytes(path)
    return value ? String.UTF8.decode(value) : null
  }

  /** Integers, durations and times (nanoseconds); `otherwise` when there is none. */
  static integer(path: string[], otherwise: i64 = 0): i64 {
    const value = Property.bytes(path)
    return value && value.byteLength == 8 ? load<i64>(changetype<usize>(value)) : otherwise
  }

  static boolean(path: string[], otherwise: bool = false): bool {
    const value = Property.bytes(path)
    return value && value.byteLength == 1 ? load<u8>(changetype<usize>(value)) != 0 : otherwise
  }

  /** Attributes that are maps, such as `["request", "headers"]`. */
  static map(path: string[]): Header[] {
    const value = Property.bytes(path)
    return value ? decodePairs(value) : []
  }

  static set(path: string[], value: ArrayBuffer): u32 {
    const key = keyOf(path)
    return proxy_set_property(changetype<usize>(key), key.byteLength, changetype<usize>(value), value.byteLength)
  }
}

function keyOf(path: string[]): ArrayBuffer {
  return String.UTF8.encode(path.join("\0"))
}
