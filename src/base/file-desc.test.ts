import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, type DescFile, toBinary } from '@bufbuild/protobuf'
import { fileDesc as hydrate } from '@bufbuild/protobuf/codegenv2'
import {
  type DescriptorProto,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { fileDesc } from './file-desc.ts'

type Hydrate = (base64: string, imports?: DescFile[]) => DescFile

/** A file with a message `A` that has a field of each of the named types. */
function proto(name: string, uses: readonly string[], publicDependency: number[] = []): string {
  const field = uses.map((typeName, i) => ({ name: `f${i}`, number: i + 1, type: MESSAGE, typeName }))
  const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    package: name,
    syntax: 'proto3',
    publicDependency,
    messageType: [{ name: 'A', field } as Partial<DescriptorProto> as DescriptorProto],
  })
  return Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString('base64')
}

const MESSAGE = FieldDescriptorProto_Type.MESSAGE

/** a <- b <- c, and d, which names what c passes on of b. */
function files(make: Hydrate): DescFile[] {
  const a = make(proto('a', []))
  const b = make(proto('b', ['.a.A']), [a])
  const c = make(proto('c', ['.b.A'], [0]), [b])
  return [a, b, c, make(proto('d', ['.c.A', '.b.A']), [c])]
}

describe('descriptors of generated files', () => {
  it('are those of protobuf-es', () => {
    const shape = (file: DescFile) => ({
      name: file.name,
      imports: file.dependencies.map(({ name }) => name),
      fields: file.messages.flatMap(({ fields }) => fields.map((field) => [field.name, field.message?.typeName])),
    })
    assert.deepEqual(files(fileDesc).map(shape), files(hydrate).map(shape))
  })

  it('name the very files and messages that were imported', () => {
    const [a, b, c, d] = files(fileDesc)
    assert.deepEqual(
      [a, b, c, d].map((file) => file.dependencies),
      [[], [a], [b], [c]],
    )
    assert.equal(d.messages[0].fields[1].message, b.messages[0])
  })

  it('cannot name what an import has only for itself', () => {
    const a = fileDesc(proto('a', []))
    const b = fileDesc(proto('b', ['.a.A']), [a])
    assert.throws(() => fileDesc(proto('c', ['.a.A']), [b]), /\.a\.A/)
  })
})
