import { byteString } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { encodePairs } from '../abi/pairs.ts'
import { type AttributeValue, Dictionary, Double, fromJson, Proto, protoBytes, Struct } from './value.ts'

/** A value as `proxy_get_property` hands it out; undefined where it has no encoding (SERIALIZATION_FAILURE). */
export function serialize(value: AttributeValue): Uint8Array | undefined {
  if (typeof value === 'string') return stringBytes(value)
  if (typeof value === 'number' || typeof value === 'bigint') return int64(value)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
  if (value instanceof Uint8Array) return value
  if (value instanceof HeaderMap) return encodePairs(joined(value))
  if (value instanceof Double) {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value.value)
    return bytes
  }
  if (value instanceof Struct) {
    const flat: string[] = []
    for (const [key, field] of Object.entries(value.fields)) {
      const item = fromJson(field)
      const encoded = item === undefined ? undefined : text(item)
      if (encoded === undefined) return undefined
      flat.push(byteString(key), encoded)
    }
    return encodePairs(flat)
  }
  if (value instanceof Proto) return protoBytes(value)
  if (value instanceof Dictionary) return undefined
  const items = value.map(text)
  return items.includes(undefined) ? undefined : encodePairs(items.flatMap((item) => [item as string, '']))
}

function stringBytes(value: string): Uint8Array {
  return Buffer.from(value, isByteString(value) ? 'latin1' : 'utf8')
}

/** All characters stand for one byte each. */
export function isByteString(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 0xff) return false
  return true
}

function int64(value: number | bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt.asIntN(64, typeof value === 'bigint' ? value : BigInt(Math.trunc(value))))
  return bytes
}

/** Elements of maps and lists are serialised each on its own, and stand as bytes in the pairs. */
function text(value: AttributeValue): string | undefined {
  const bytes = serialize(value)
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice()
}

/** Repeated headers are one entry, joined with commas (Envoy's HeadersWrapper). */
function joined(map: HeaderMap): string[] {
  const values = new Map<string, string>()
  for (const [name, value] of map) {
    const before = values.get(name)
    values.set(name, before === undefined ? value : `${before},${value}`)
  }
  return [...values].flat()
}
