import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  fromBinary,
} from '@bufbuild/protobuf'
import { Edition, type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { LazyEnum } from './enum.ts'
import { LazyMessage, restoreJsonNames } from './message.ts'
import { type Part, parts, text } from './parts.ts'

/** Numbers of fields in google/protobuf/descriptor.proto. */
const FILE = { name: 1, package: 2, message: 4, enum: 5, service: 6, extension: 7, publicDependency: 10, syntax: 12 }

/** A file of messages and enums in proto3. */
export class LazyFile implements DescFile {
  readonly kind = 'file'
  readonly edition = Edition.EDITION_PROTO3
  readonly name: string
  readonly package: string
  readonly dependencies: DescFile[]
  /** Those of its dependencies that who imports it can name, too (`import public`). */
  readonly passedOn: readonly DescFile[]
  readonly messages: DescMessage[]
  readonly enums: DescEnum[]
  readonly extensions: DescExtension[] = []
  readonly services: DescService[] = []
  readonly #bytes: Uint8Array
  #proto: WeakRef<FileDescriptorProto> | undefined

  private constructor(bytes: Uint8Array, found: readonly Part[], imports: readonly DescFile[]) {
    const all = (wanted: number) => found.filter(([no]) => no === wanted).map(([, value]) => value)
    const named = (wanted: number) => all(wanted).map(text)[0] ?? ''
    this.#bytes = bytes
    this.name = named(FILE.name).replace(/\.proto$/, '')
    this.package = named(FILE.package)
    this.dependencies = [...imports]
    this.passedOn = all(FILE.publicDependency).map((index) => imports[index as number])
    this.enums = all(FILE.enum).map((one) => new LazyEnum(one as Uint8Array, this, undefined))
    this.messages = all(FILE.message).map((one) => new LazyMessage(one as Uint8Array, this, undefined))
  }

  /** `undefined` for a file that has more: such are few, and left to protobuf-es. */
  static read(bytes: Uint8Array, imports: readonly DescFile[]): LazyFile | undefined {
    const found = [...parts(bytes)]
    if (found.some(([no]) => no === FILE.service || no === FILE.extension)) return undefined
    if (!found.some(([no, value]) => no === FILE.syntax && text(value) === 'proto3')) return undefined
    return new LazyFile(bytes, found, imports)
  }

  get proto(): FileDescriptorProto {
    let proto = this.#proto?.deref()
    if (proto === undefined) {
      proto = fromBinary(FileDescriptorProtoSchema, this.#bytes)
      proto.messageType.forEach(restoreJsonNames)
      proto.dependency = this.dependencies.map(({ name }) => `${name}.proto`)
      this.#proto = new WeakRef(proto)
    }
    return proto
  }

  get deprecated(): boolean {
    return this.proto.options?.deprecated ?? false
  }

  typeName(name: string, parent: DescMessage | undefined): string {
    return `${parent?.typeName ?? this.package}.${name}`
  }

  /** A type that this file can name: of its own, of an import, or of what an import passes on. */
  find(typeName: string): DescMessage | DescEnum | undefined {
    const own = typeIn(this, typeName)
    if (own !== undefined) return own
    return findIn(this.dependencies, typeName)
  }

  toString(): string {
    return `file ${this.name}.proto`
  }
}

export function passedOn(file: DescFile): readonly DescFile[] {
  if (file instanceof LazyFile) return file.passedOn
  return file.proto.publicDependency.map((index) => file.dependencies[index])
}

function findIn(files: readonly DescFile[], typeName: string): DescMessage | DescEnum | undefined {
  for (const file of files) {
    const found = typeIn(file, typeName) ?? findIn(passedOn(file), typeName)
    if (found !== undefined) return found
  }
  return undefined
}

function typeIn(among: DescFile | DescMessage, typeName: string): DescMessage | DescEnum | undefined {
  const messages = among.kind === 'file' ? among.messages : among.nestedMessages
  for (const message of messages) {
    if (message.typeName === typeName) return message
    if (typeName.startsWith(`${message.typeName}.`)) return typeIn(message, typeName)
  }
  return (among.kind === 'file' ? among.enums : among.nestedEnums).find((one) => one.typeName === typeName)
}
