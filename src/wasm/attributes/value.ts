import { type DescMessage, type Message, toBinary } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { byteString } from '../../base/byte-string.ts'
import { HeaderMap } from '../../base/header-map.ts'

/** JSON as google.protobuf.Struct has it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A number that is a double on the wire; plain numbers and bigints are int64. */
export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** A google.protobuf.Struct; a plugin reads fields by path. */
export class Struct {
  readonly fields: { [key: string]: Json }
  constructor(fields: { [key: string]: Json }) {
    this.fields = fields
  }
}

/** A protobuf message: as a whole its bytes, by path its fields. */
export class Proto {
  readonly schema: DescMessage
  readonly message: Message
  constructor(schema: DescMessage, message: Message) {
    this.schema = schema
    this.message = message
  }
}

/** Name to value, as `metadata` or `filter_state` have them. */
export class Dictionary {
  readonly entry: (name: string) => AttributeValue | undefined
  constructor(entry: (name: string) => AttributeValue | undefined) {
    this.entry = entry
  }
}

/**
 * A value of the attribute tree. Strings are byte strings where all characters are below 0x100, and text (sent as UTF-8)
 * otherwise; `byteString` turns text with letters such as é into bytes. Numbers and bigints are int64; times are nanoseconds.
 */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | HeaderMap
  | Double
  | Struct
  | Proto
  | Dictionary
  | readonly AttributeValue[]

/** One step down the path; undefined where there is nothing. */
export function childOf(value: AttributeValue, name: string): AttributeValue | undefined {
  if (value instanceof HeaderMap) {
    const lower = name.toLowerCase()
    // Of a request it is another name of its authority, as in Envoy.
    const all = value.getAll(lower === 'host' && value.has(':authority') ? ':authority' : lower)
    return all.length === 0 ? undefined : all.join(',')
  }
  if (value instanceof Struct) return fromJson(Object.hasOwn(value.fields, name) ? value.fields[name] : null)
  if (value instanceof Dictionary) return value.entry(name)
  if (value instanceof Proto) return fieldOf(value, name)
  if (Array.isArray(value)) return /^\d+$/.test(name) ? (value as readonly AttributeValue[])[Number(name)] : undefined
  return undefined
}

/** The value of a field of a `google.protobuf.Struct`; undefined for null, of which there is no encoding. */
export function fromJson(json: Json): AttributeValue | undefined {
  if (json === null) return undefined
  if (typeof json === 'string') return byteString(json)
  if (typeof json === 'number') return new Double(json)
  if (typeof json === 'boolean') return json
  if (Array.isArray(json)) {
    // Of a null there is no encoding, nor of a list with one; its other elements have theirs.
    if (json.includes(null)) return new Dictionary((at) => fromJson(json[Number(at)] ?? null))
    return json.map(fromJson) as AttributeValue[]
  }
  return new Struct(json)
}

function fieldOf({ schema, message }: Proto, name: string): AttributeValue | undefined {
  const field = schema.fields.find((f) => f.name === name)
  if (field === undefined) return undefined
  const raw = (message as unknown as Record<string, unknown>)[field.localName]
  if (field.fieldKind === 'message') {
    if (!reflect(schema, message).isSet(field)) return undefined
    // protobuf-es keeps a Struct field as a plain JSON object.
    if (field.message.typeName === 'google.protobuf.Struct') return new Struct(raw as { [key: string]: Json })
    return new Proto(field.message, raw as Message)
  }
  if (field.fieldKind === 'scalar') return scalar(raw, field.scalar === 1 || field.scalar === 2)
  if (field.fieldKind === 'enum') return raw as number
  if (field.fieldKind === 'list') {
    return (raw as unknown[]).map((item) =>
      field.listKind === 'message' ? new Proto(field.message, item as Message) : scalar(item, false),
    )
  }
  return new Dictionary((key) => {
    const value = Object.hasOwn(raw as object, key) ? (raw as Record<string, unknown>)[key] : undefined
    if (value === undefined) return undefined
    if (field.mapKind !== 'message') return scalar(value, false)
    if (field.message.typeName === 'google.protobuf.Struct') return new Struct(value as { [key: string]: Json })
    return new Proto(field.message, value as Message)
  })
}

function scalar(raw: unknown, double: boolean): AttributeValue {
  if (typeof raw === 'string') return byteString(raw)
  if (double) return new Double(raw as number)
  return raw as AttributeValue
}

/** What `proxy_get_property` gives for a whole message. */
export function protoBytes({ schema, message }: Proto): Uint8Array {
  return toBinary(schema, message)
}
