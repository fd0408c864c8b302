import type { DescEnum, DescField, DescMessage, DescOneof, ScalarType } from '@bufbuild/protobuf'
import { protoCamelCase, safeObjectProperty } from '@bufbuild/protobuf/reflect'
import {
  FeatureSet_FieldPresence,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldOptions_JSType,
  type OneofDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import type { LazyMessage } from './message.ts'
import { parts, text, type Value } from './parts.ts'

/** Numbers of fields in google/protobuf/descriptor.proto. */
const FIELD = {
  name: 1,
  number: 3,
  label: 4,
  type: 5,
  typeName: 6,
  options: 8,
  oneof: 9,
  jsonName: 10,
  proto3Optional: 17,
}
const OPTIONS = { packed: 2, deprecated: 3, jstype: 6 }

const { EXPLICIT, IMPLICIT } = FeatureSet_FieldPresence
const { BYTES, ENUM, MESSAGE, STRING } = FieldDescriptorProto_Type

/** A field of proto3: what protobuf-es asks of one, in one shape for all kinds. */
export class Field {
  readonly kind = 'field'
  readonly parent: LazyMessage
  name = ''
  number = 0
  localName = ''
  jsonName = ''
  fieldKind: DescField['fieldKind'] = 'scalar'
  listKind: 'scalar' | 'enum' | 'message' | undefined = undefined
  mapKind: 'scalar' | 'enum' | 'message' | undefined = undefined
  mapKey: ScalarType | undefined = undefined
  scalar: ScalarType | undefined = undefined
  message: DescMessage | undefined = undefined
  enum: DescEnum | undefined = undefined
  oneof: Oneof | undefined = undefined
  presence: typeof EXPLICIT | typeof IMPLICIT = IMPLICIT
  packed: boolean | undefined = undefined
  delimitedEncoding: false | undefined = undefined
  longAsString = false
  deprecated = false
  readonly utf8Validation = true

  constructor(bytes: Uint8Array, parent: LazyMessage, oneofs: readonly Oneof[]) {
    this.parent = parent
    let type = 0
    let typeName = ''
    let repeated = false
    let optional = false
    let oneof: number | undefined
    let packed = true
    for (const [no, value] of parts(bytes)) {
      if (no === FIELD.name) this.name = text(value)
      else if (no === FIELD.number) this.number = value as number
      else if (no === FIELD.label) repeated = value === FieldDescriptorProto_Label.REPEATED
      else if (no === FIELD.type) type = value as number
      else if (no === FIELD.typeName) typeName = text(value).slice(1)
      else if (no === FIELD.oneof) oneof = value as number
      else if (no === FIELD.jsonName) this.jsonName = text(value)
      else if (no === FIELD.proto3Optional) optional = value === 1
      else if (no === FIELD.options) packed = this.#readOptions(value as Uint8Array) ?? packed
    }
    // The oneof of an optional field is made up (field_presence.md of protobuf).
    if (oneof !== undefined && !optional) this.oneof = oneofs[oneof]
    const camel = protoCamelCase(this.name)
    this.localName = this.oneof === undefined ? safeObjectProperty(camel) : camel
    // The generator leaves out names that follow from others.
    if (this.jsonName === '') this.jsonName = camel
    const entry = repeated && type === MESSAGE ? parent.entry(typeName) : undefined
    if (entry !== undefined) this.#becomeMap(entry)
    else this.#becomePlain(type, typeName, repeated, packed)
    if (!repeated && (optional || this.oneof !== undefined || type === MESSAGE)) this.presence = EXPLICIT
  }

  /** proto3 has no other defaults than zero. */
  getDefaultValue(): undefined {}

  get proto(): FieldDescriptorProto {
    return this.parent.proto.field.find(({ number }) => number === this.number) as FieldDescriptorProto
  }

  toString(): string {
    return `field ${this.parent.typeName}.${this.name}`
  }

  /** Whether it is packed, where that is said. */
  #readOptions(bytes: Uint8Array): boolean | undefined {
    let packed: boolean | undefined
    for (const [no, value] of parts(bytes)) {
      if (no === OPTIONS.packed) packed = value === 1
      else if (no === OPTIONS.deprecated) this.deprecated = value === 1
      else if (no === OPTIONS.jstype) this.longAsString = value === FieldOptions_JSType.JS_STRING
    }
    return packed
  }

  #becomeMap(entry: DescMessage): void {
    const [key, value] = entry.fields
    this.fieldKind = 'map'
    this.mapKey = key.scalar
    this.mapKind = value.fieldKind as 'scalar' | 'enum' | 'message'
    this.scalar = value.scalar
    this.enum = value.enum
    this.message = value.message
    this.delimitedEncoding = false
  }

  #becomePlain(type: number, typeName: string, repeated: boolean, packed: boolean): void {
    const kind = type === MESSAGE ? 'message' : type === ENUM ? 'enum' : 'scalar'
    if (kind === 'scalar') this.scalar = type as number as ScalarType
    else {
      const found = this.parent.file.find(typeName)
      if (found?.kind !== kind)
        throw new Error(`${this}: no ${kind} ${typeName} in what ${this.parent.file.name} imports`)
      if (found.kind === 'message') this.message = found
      else this.enum = found
    }
    if (kind === 'message') this.delimitedEncoding = false
    if (repeated) {
      this.fieldKind = 'list'
      this.listKind = kind
      this.packed = packed && type !== MESSAGE && type !== STRING && type !== BYTES
    } else this.fieldKind = kind
  }
}

/** What a field names, a message or an enum; '' for a scalar. */
export function typeNameOf(field: Value): string {
  for (const [no, value] of parts(field as Uint8Array)) if (no === FIELD.typeName) return text(value).slice(1)
  return ''
}

export class Oneof implements DescOneof {
  readonly kind = 'oneof'
  readonly parent: LazyMessage
  readonly name: string
  readonly localName: string
  readonly fields: DescField[] = []
  readonly deprecated = false

  constructor(name: string, parent: LazyMessage) {
    this.parent = parent
    this.name = name
    this.localName = safeObjectProperty(protoCamelCase(name))
  }

  get proto(): OneofDescriptorProto {
    return this.parent.proto.oneofDecl.find(({ name }) => name === this.name) as OneofDescriptorProto
  }

  toString(): string {
    return `oneof ${this.parent.typeName}.${this.name}`
  }
}
