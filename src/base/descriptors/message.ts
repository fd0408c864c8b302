import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescOneof,
  fromBinary,
} from '@bufbuild/protobuf'
import { protoCamelCase } from '@bufbuild/protobuf/reflect'
import { type DescriptorProto, DescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { LazyEnum } from './enum.ts'
import { Field, Oneof, typeNameOf } from './field.ts'
import type { LazyFile } from './file.ts'
import { isTrue, parts, text, type Value } from './parts.ts'

/** Numbers of fields in google/protobuf/descriptor.proto. */
const MESSAGE = { name: 1, field: 2, nested: 3, enum: 4, extension: 6, options: 7, oneof: 8 }
const OPTIONS = { deprecated: 3, mapEntry: 7 }
const ONEOF = { name: 1 }

interface Members {
  readonly fields: DescField[]
  readonly oneofs: DescOneof[]
  readonly members: (DescField | DescOneof)[]
}

/** A message whose fields are made when somebody asks for them. */
export class LazyMessage implements DescMessage {
  readonly kind = 'message'
  readonly name: string
  readonly typeName: string
  readonly file: LazyFile
  readonly parent: DescMessage | undefined
  readonly deprecated: boolean
  readonly nestedEnums: DescEnum[] = NONE
  readonly nestedMessages: DescMessage[] = NONE
  readonly nestedExtensions: DescExtension[] = NONE
  readonly #bytes: Uint8Array
  /** Messages that stand for the entries of maps are none of the file's. */
  readonly #entries: readonly LazyMessage[] = NONE
  #made: Members | undefined
  /** Options of fields are asked for one after the other, and then no more. */
  #proto: WeakRef<DescriptorProto> | undefined

  constructor(bytes: Uint8Array, file: LazyFile, parent: DescMessage | undefined) {
    const [nested, enums]: Uint8Array[][] = [[], []]
    let name = ''
    let deprecated = false
    for (const [no, value] of parts(bytes)) {
      if (no === MESSAGE.name) name = text(value)
      else if (no === MESSAGE.nested) nested.push(value as Uint8Array)
      else if (no === MESSAGE.enum) enums.push(value as Uint8Array)
      else if (no === MESSAGE.options) deprecated = isTrue(value, OPTIONS.deprecated)
    }
    this.name = name
    this.typeName = file.typeName(name, parent)
    this.file = file
    this.parent = parent
    this.deprecated = deprecated
    this.#bytes = bytes
    const isEntry = nested.map(isMapEntry)
    const make = (one: Uint8Array) => new LazyMessage(one, file, this)
    if (enums.length > 0) this.nestedEnums = enums.map((one) => new LazyEnum(one, file, this))
    if (isEntry.includes(false)) this.nestedMessages = nested.filter((_, i) => !isEntry[i]).map(make)
    if (isEntry.includes(true)) this.#entries = nested.filter((_, i) => isEntry[i]).map(make)
  }

  get proto(): DescriptorProto {
    let proto = this.#proto?.deref()
    if (proto === undefined) {
      proto = fromBinary(DescriptorProtoSchema, this.#bytes)
      restoreJsonNames(proto)
      this.#proto = new WeakRef(proto)
    }
    return proto
  }

  get fields(): DescField[] {
    this.#made ??= this.#make()
    return this.#made.fields
  }

  get field(): Record<string, DescField> {
    return Object.fromEntries(this.fields.map((field) => [field.localName, field]))
  }

  get oneofs(): DescOneof[] {
    this.#made ??= this.#make()
    return this.#made.oneofs
  }

  get members(): (DescField | DescOneof)[] {
    this.#made ??= this.#make()
    return this.#made.members
  }

  /** What stands for the entries of a map; `undefined` for the name of another message. */
  entry(typeName: string): DescMessage | undefined {
    return this.#entries.find((one) => one.typeName === typeName)
  }

  /** What its fields hold, without making them. */
  *messages(): Generator<DescMessage> {
    for (const entry of this.#entries) yield* entry.messages()
    for (const [no, value] of parts(this.#bytes)) {
      const typeName = no === MESSAGE.field ? typeNameOf(value) : ''
      if (typeName === '' || this.entry(typeName) !== undefined) continue
      const type = this.file.find(typeName)
      if (type?.kind === 'message') yield type
    }
  }

  toString(): string {
    return `message ${this.typeName}`
  }

  #make(): Members {
    const [fieldBytes, oneofs]: [Uint8Array[], Oneof[]] = [[], []]
    for (const [no, value] of parts(this.#bytes)) {
      if (no === MESSAGE.field) fieldBytes.push(value as Uint8Array)
      else if (no === MESSAGE.oneof) oneofs.push(new Oneof(nameOf(value), this))
    }
    const fields = fieldBytes.map((one) => new Field(one, this, oneofs))
    const members = new Set<Field | Oneof>()
    for (const field of fields) {
      field.oneof?.fields.push(field as unknown as DescField)
      members.add(field.oneof ?? field)
    }
    return { fields, oneofs: oneofs.filter((one) => members.has(one)), members: [...members] } as unknown as Members
  }
}

/** The messages that the fields of one hold: of most messages nobody needs to know more. */
export function messagesIn(desc: DescMessage): Iterable<DescMessage> {
  return desc instanceof LazyMessage ? desc.messages() : desc.fields.flatMap(({ message }) => message ?? [])
}

const NONE: never[] = []

function isMapEntry(bytes: Uint8Array): boolean {
  for (const [no, value] of parts(bytes)) if (no === MESSAGE.options) return isTrue(value, OPTIONS.mapEntry)
  return false
}

function nameOf(oneof: Value): string {
  for (const [no, value] of parts(oneof as Uint8Array)) if (no === ONEOF.name) return text(value)
  return ''
}

/** The generator leaves out names that follow from others. */
export function restoreJsonNames(message: DescriptorProto): void {
  for (const field of message.field) if (field.jsonName === '') field.jsonName = protoCamelCase(field.name)
  message.nestedType.forEach(restoreJsonNames)
}
