import { type DescEnum, type DescEnumValue, type DescMessage, fromBinary } from '@bufbuild/protobuf'
import { safeObjectProperty } from '@bufbuild/protobuf/reflect'
import {
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  type EnumValueDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import type { LazyFile } from './file.ts'
import { isTrue, parts, text } from './parts.ts'

/** Numbers of fields in google/protobuf/descriptor.proto. */
const ENUM = { name: 1, value: 2, options: 3 }
const ENUM_OPTIONS = { deprecated: 3 }
const VALUE = { name: 1, number: 2, options: 3 }
const VALUE_OPTIONS = { deprecated: 1 }

export class LazyEnum implements DescEnum {
  readonly kind = 'enum'
  readonly name: string
  readonly typeName: string
  readonly file: LazyFile
  readonly parent: DescMessage | undefined
  /** As all of proto3. */
  readonly open = true
  readonly deprecated: boolean
  readonly #bytes: Uint8Array
  #values: EnumValue[] | undefined

  constructor(bytes: Uint8Array, file: LazyFile, parent: DescMessage | undefined) {
    let name = ''
    let deprecated = false
    for (const [no, value] of parts(bytes)) {
      if (no === ENUM.name) name = text(value)
      else if (no === ENUM.options) deprecated = isTrue(value, ENUM_OPTIONS.deprecated)
    }
    this.name = name
    this.typeName = file.typeName(name, parent)
    this.file = file
    this.parent = parent
    this.deprecated = deprecated
    this.#bytes = bytes
  }

  get proto(): EnumDescriptorProto {
    return fromBinary(EnumDescriptorProtoSchema, this.#bytes)
  }

  get values(): DescEnumValue[] {
    this.#values ??= this.#readValues()
    return this.#values
  }

  get value(): Record<number, DescEnumValue> {
    const byNumber: Record<number, DescEnumValue> = {}
    for (const value of this.values) byNumber[value.number] ??= value
    return byNumber
  }

  get sharedPrefix(): string | undefined {
    return sharedPrefix(this.name, this.values)
  }

  toString(): string {
    return `enum ${this.typeName}`
  }

  #readValues(): EnumValue[] {
    const values: EnumValue[] = []
    for (const [no, value] of parts(this.#bytes))
      if (no === ENUM.value) values.push(new EnumValue(value as Uint8Array, this))
    const prefix = sharedPrefix(this.name, values)
    if (prefix !== undefined)
      for (const value of values) value.localName = safeObjectProperty(value.name.slice(prefix.length))
    return values
  }
}

class EnumValue implements DescEnumValue {
  readonly kind = 'enum_value'
  readonly parent: LazyEnum
  readonly name: string
  readonly number: number
  readonly deprecated: boolean
  localName: string

  constructor(bytes: Uint8Array, parent: LazyEnum) {
    let name = ''
    let number = 0
    let deprecated = false
    for (const [no, value] of parts(bytes)) {
      if (no === VALUE.name) name = text(value)
      else if (no === VALUE.number) number = value as number
      else if (no === VALUE.options) deprecated = isTrue(value, VALUE_OPTIONS.deprecated)
    }
    this.parent = parent
    this.name = name
    this.number = number
    this.deprecated = deprecated
    this.localName = safeObjectProperty(name)
  }

  get jsonName(): string {
    return this.name
  }

  get proto(): EnumValueDescriptorProto {
    return this.parent.proto.value.find(({ name }) => name === this.name) as EnumValueDescriptorProto
  }

  toString(): string {
    return `enum value ${this.parent.typeName}.${this.name}`
  }
}

/** `my_enum_` where all values of MyEnum begin so, and go on with what can be a name. */
function sharedPrefix(enumName: string, values: readonly { readonly name: string }[]): string | undefined {
  const snake = enumName.slice(0, 1) + enumName.slice(1).replace(/[A-Z]/g, (letter) => `_${letter}`)
  const prefix = `${snake.toLowerCase()}_`
  const whole = values.every(
    ({ name }) => name.toLowerCase().startsWith(prefix) && /^\D/.test(name.slice(prefix.length)),
  )
  return whole ? prefix : undefined
}
