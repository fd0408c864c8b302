import { MapType, Status } from "./enums"
import { ABI_0_1_0 } from "./host/abi-version"
import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_set_header_map_pairs,
} from "./host/imports"
import { RESULT_DATA, RESULT_SIZE, takeResult } from "./host/memory"
import { decodePairs, encodePairs, Header } from "./pairs"

/**
 * Headers or trailers of the stream in hand. Names are matched without regard to case; `:method`, `:path`, `:authority`,
 * `:scheme` and `:status` are names like others. Writes answer with a Status.
 */
export class HeaderMap {
  constructor(private readonly type: MapType) {}

  /** The first value, or null. Under ABI 0.1.0 also null when it is empty: a host tells the two apart only since. */
  get(name: string): string | null {
    const value = this.getBytes(String.UTF8.encode(name))
    return value ? String.UTF8.decode(value) : null
  }

  /** The first value as it came. Keep `name` in a global: then a request makes no string at all. */
  getBytes(name: ArrayBuffer): ArrayBuffer | null {
    store<usize>(RESULT_DATA, 0)
    store<usize>(RESULT_SIZE, 0)
    const at = changetype<usize>(name)
    const status = proxy_get_header_map_value(this.type, at, name.byteLength, RESULT_DATA, RESULT_SIZE)
    if (ABI_0_1_0 && load<usize>(RESULT_SIZE) == 0) return null
    return status == Status.Ok ? takeResult() : null
  }

  has(name: string): bool {
    return this.getBytes(String.UTF8.encode(name)) !== null
  }

  /** All entries in their order. */
  entries(): Header[] {
    const status = proxy_get_header_map_pairs(this.type, RESULT_DATA, RESULT_SIZE)
    return status == Status.Ok ? decodePairs(takeResult()) : []
  }

  /** Adds one entry more. */
  add(name: string, value: string): u32 {
    const key = String.UTF8.encode(name)
    const data = String.UTF8.encode(value)
    const at = changetype<usize>(data)
    return proxy_add_header_map_value(this.type, changetype<usize>(key), key.byteLength, at, data.byteLength)
  }

  /** Makes this the only value of the name. */
  set(name: string, value: string): u32 {
    const key = String.UTF8.encode(name)
    const data = String.UTF8.encode(value)
    const at = changetype<usize>(data)
    return proxy_replace_header_map_value(this.type, changetype<usize>(key), key.byteLength, at, data.byteLength)
  }

  remove(name: string): u32 {
    const key = String.UTF8.encode(name)
    return proxy_remove_header_map_value(this.type, changetype<usize>(key), key.byteLength)
  }

  /** Replaces all entries. */
  setAll(headers: Header[]): u32 {
    const data = encodePairs(headers)
    return proxy_set_header_map_pairs(this.type, changetype<usize>(data), data.byteLength)
  }
}

export const requestHeaders = new HeaderMap(MapType.HttpRequestHeaders)
export const requestTrailers = new HeaderMap(MapType.HttpRequestTrailers)
export const responseHeaders = new HeaderMap(MapType.HttpResponseHeaders)
export const responseTrailers = new HeaderMap(MapType.HttpResponseTrailers)
/** Only in `onHttpCallResponse`. */
export const callResponseHeaders = new HeaderMap(MapType.HttpCallResponseHeaders)
/** Only in `onHttpCallResponse`. */
export const callResponseTrailers = new HeaderMap(MapType.HttpCallResponseTrailers)
