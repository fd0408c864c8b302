/**
 * Reads a message as protobuf-es's `fromBinary` does. That makes, of each type that could stand anywhere inside, the descriptors and some
 * functions for each field before it reads the first byte, and keeps them; this asks for the descriptors of what is there.
 */
import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf'
import { scalarZeroValue } from '@bufbuild/protobuf/reflect'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { Edition, FeatureSet_FieldPresence, isWrapperDesc, type Struct, type Value } from '@bufbuild/protobuf/wkt'

type Content = Record<string, unknown>
type MessageField = DescField & { readonly message: DescMessage }
type MapField = DescField & { readonly fieldKind: 'map' }

/** As protobuf-es has it. */
const MAX_DEPTH = 100

/** Throws where the bytes are no such message. */
export function readMessage<D extends DescMessage>(desc: D, bytes: Uint8Array): MessageShape<D> {
  // Others have defaults and fields that are required.
  if (desc.file.edition !== Edition.EDITION_PROTO3) return fromBinary(desc, bytes)
  const message = zero(desc)
  readInto(message, desc, new BinaryReader(bytes), bytes.length, 1)
  return message as MessageShape<D>
}

function zero(desc: DescMessage): Content {
  const message: Content = { $typeName: desc.typeName }
  for (const member of desc.members) {
    if (member.kind === 'oneof') message[member.localName] = { case: undefined }
    else if (member.fieldKind === 'list') message[member.localName] = []
    else if (member.fieldKind === 'map') message[member.localName] = {}
    else if (member.presence === FeatureSet_FieldPresence.IMPLICIT) message[member.localName] = zeroOf(member)
  }
  return message
}

/** A scalar's, an enum's (whose first value is 0 in proto3), or that of the values of a map. */
function zeroOf(field: DescField): unknown {
  if (field.scalar !== undefined) return scalarZeroValue(field.scalar, 'longAsString' in field && field.longAsString)
  return field.message === undefined ? 0 : local(formOf(field as MessageField), zero(field.message))
}

const NUMBERED = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>()

function numbered(desc: DescMessage): ReadonlyMap<number, DescField> {
  let fields = NUMBERED.get(desc)
  if (fields === undefined) {
    fields = new Map(desc.fields.map((field) => [field.number, field]))
    NUMBERED.set(desc, fields)
  }
  return fields
}

function readInto(message: Content, desc: DescMessage, reader: BinaryReader, length: number, depth: number): void {
  if (depth > MAX_DEPTH) throw new Error(`cannot decode ${desc}: more than ${MAX_DEPTH} messages in one another`)
  const fields = numbered(desc)
  const end = reader.pos + length
  while (reader.pos < end) {
    const [no, wireType] = reader.tag()
    const field = fields.get(no)
    if (field !== undefined) readField(message, field, reader, wireType, depth)
    else {
      message['$unknown'] ??= []
      const unknown = message['$unknown'] as object[]
      unknown.push({ no, wireType, data: reader.skip(wireType, no, MAX_DEPTH - depth) })
    }
  }
}

function readField(message: Content, field: DescField, reader: BinaryReader, wireType: WireType, depth: number): void {
  if (field.fieldKind === 'list') readItems(message[field.localName] as unknown[], field, reader, wireType, depth)
  else if (field.fieldKind === 'map') readEntry(message[field.localName] as Content, field, reader, depth)
  else if (field.oneof === undefined)
    message[field.localName] = readValue(field, reader, message[field.localName], depth)
  else {
    const chosen = message[field.oneof.localName] as { readonly case?: string; readonly value?: unknown }
    const known = chosen.case === field.localName ? chosen.value : undefined
    message[field.oneof.localName] = { case: field.localName, value: readValue(field, reader, known, depth) }
  }
}

/** A message that comes twice is one with what both hold. */
function readValue(field: DescField, reader: BinaryReader, known: unknown, depth: number): unknown {
  if (field.message === undefined) return readScalar(field, reader)
  const form = formOf(field as MessageField)
  const message = form === 'message' && known !== undefined ? (known as Content) : zero(field.message)
  if (form === 'wrapped' && known !== undefined) message['value'] = known
  readInto(message, field.message, reader, reader.uint32(), depth + 1)
  if (form !== 'json' || known === undefined) return local(form, message)
  return { ...(known as object), ...(local(form, message) as object) }
}

function readItems(items: unknown[], field: DescField, reader: BinaryReader, wireType: WireType, depth: number): void {
  const { scalar } = field
  const packed = field.message === undefined && scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES
  if (!packed || wireType !== WireType.LengthDelimited) {
    items.push(readValue(field, reader, undefined, depth))
    return
  }
  const end = reader.uint32() + reader.pos
  while (reader.pos < end) items.push(readScalar(field, reader))
}

function readEntry(entries: Content, field: MapField, reader: BinaryReader, depth: number): void {
  let key: unknown = scalarZeroValue(field.mapKey, false)
  let value: unknown
  const end = reader.uint32() + reader.pos
  while (reader.pos < end) {
    const [no, wireType] = reader.tag()
    if (no === 1) key = scalarOf(field.mapKey, reader)
    else if (no === 2) value = readValue(field, reader, value, depth)
    else reader.skip(wireType, no, MAX_DEPTH - depth)
  }
  // An assignment to `__proto__` would set no property.
  const entry = { value: value ?? zeroOf(field), writable: true, enumerable: true, configurable: true }
  Object.defineProperty(entries, String(key), entry)
}

type Form = 'message' | 'wrapped' | 'json'

/** What protobuf-es keeps of a message: of some in google/protobuf the value alone. */
function formOf(field: MessageField): Form {
  const { message, parent } = field
  if (!message.typeName.startsWith('google.protobuf.')) return 'message'
  if (message.typeName === 'google.protobuf.Struct')
    return parent.typeName === 'google.protobuf.Value' ? 'message' : 'json'
  return field.fieldKind === 'message' && field.oneof === undefined && isWrapperDesc(message) ? 'wrapped' : 'message'
}

function local(form: Form, message: Content): unknown {
  if (form === 'wrapped') return message['value']
  return form === 'json' ? structJson(message as unknown as Struct) : message
}

function structJson({ fields }: Struct): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, valueJson(value)]))
}

function valueJson({ kind }: Value): unknown {
  switch (kind.case) {
    case 'structValue':
      return structJson(kind.value)
    case 'listValue':
      return kind.value.values.map(valueJson)
    case 'nullValue':
    case undefined:
      return null
    default:
      return kind.value
  }
}

function readScalar(field: DescField, reader: BinaryReader): unknown {
  const value = scalarOf(field.scalar ?? ScalarType.INT32, reader)
  return typeof value === 'bigint' && 'longAsString' in field && field.longAsString ? String(value) : value
}

function scalarOf(type: ScalarType, reader: BinaryReader): unknown {
  switch (type) {
    case ScalarType.STRING:
      return reader.string(true)
    case ScalarType.BYTES:
      return reader.bytes()
    case ScalarType.BOOL:
      return reader.bool()
    case ScalarType.DOUBLE:
      return reader.double()
    case ScalarType.FLOAT:
      return reader.float()
    case ScalarType.INT32:
      return reader.int32()
    case ScalarType.INT64:
      return reader.int64()
    case ScalarType.UINT32:
      return reader.uint32()
    case ScalarType.UINT64:
      return reader.uint64()
    case ScalarType.SINT32:
      return reader.sint32()
    case ScalarType.SINT64:
      return reader.sint64()
    case ScalarType.FIXED32:
      return reader.fixed32()
    case ScalarType.FIXED64:
      return reader.fixed64()
    case ScalarType.SFIXED32:
      return reader.sfixed32()
    case ScalarType.SFIXED64:
      return reader.sfixed64()
  }
}
