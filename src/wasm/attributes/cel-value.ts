import type { CelInput } from '@bufbuild/cel'
import type { Message } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt'
import { byteString, textOf } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { serialize } from './serialize.ts'
import { type AttributeValue, childOf, Dictionary, Double, Proto, Struct } from './value.ts'

/** An attribute as CEL computes with it. */
export function toCel(value: AttributeValue): CelInput {
  if (typeof value === 'number') return BigInt(Math.trunc(value))
  if (typeof value === 'string') return textOf(value)
  if (typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Uint8Array) return value as CelInput
  if (value instanceof Double) return value.value
  if (value instanceof Struct) return value.fields as CelInput
  if (value instanceof Proto) return reflect(value.schema, value.message) as CelInput
  if (value instanceof HeaderMap) return new HeadersView(value)
  if (value instanceof Dictionary) return new View(value)
  return value.map(toCel)
}

/** A map whose entries are asked for one by one: Envoy, too, does not say how many attributes there are. */
class View extends Map<string, CelInput> {
  readonly #of: Dictionary | HeaderMap

  constructor(of: Dictionary | HeaderMap) {
    super()
    this.#of = of
  }

  override get(name: unknown): CelInput | undefined {
    const value = typeof name === 'string' ? childOf(this.#of, name) : undefined
    return value === undefined ? undefined : toCel(value)
  }
}

/** Headers can be counted and listed, too; their names are looked up in any case of letters. */
class HeadersView extends View {
  readonly #names: ReadonlySet<string>

  constructor(headers: HeaderMap) {
    super(headers)
    const names = new Set<string>()
    for (const [name] of headers) names.add(name)
    this.#names = names
  }

  override get size(): number {
    return this.#names.size
  }

  override keys(): MapIterator<string> {
    return this.#names.keys() as MapIterator<string>
  }

  override *entries(): MapIterator<[string, CelInput]> {
    for (const name of this.#names) yield [name, this.get(name) as CelInput]
  }
}

/** What an expression gives, as an attribute; undefined where there is none for it. */
export function fromCel(value: unknown): AttributeValue | undefined {
  if (typeof value === 'string') return byteString(value)
  if (typeof value === 'number') return new Double(value)
  if (typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Uint8Array) return value
  if (value !== null && typeof value === 'object') {
    if ('desc' in value && 'message' in value) {
      const { desc, message } = value as unknown as { desc: Proto['schema']; message: Message }
      if (desc.typeName === TimestampSchema.typeName || desc.typeName === DurationSchema.typeName)
        return nanosOf(message as Timestamp | Duration)
      return new Proto(desc, message)
    }
    if (Symbol.iterator in value) {
      const items = [...(value as Iterable<unknown>)]
      if (items.every((item) => Array.isArray(item) && item.length === 2)) {
        const pairs = new HeaderMap()
        for (const [key, item] of items as [unknown, unknown][]) {
          const text = fromCel(item)
          pairs.add(byteString(String(key)), text === undefined ? '' : Buffer.from(serialize(text) ?? []).latin1Slice())
        }
        return pairs
      }
      return items.map(fromCel).filter((item) => item !== undefined)
    }
    if (typeof (value as { value?: unknown }).value === 'bigint') return (value as { value: bigint }).value
  }
  return undefined
}

function nanosOf({ seconds, nanos }: Timestamp | Duration): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos)
}
