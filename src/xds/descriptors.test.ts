import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescFile,
  type DescMessage,
  type DescOneof,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { messagesIn } from '../base/descriptors/message.ts'
import { registry } from './registry.ts'

/** All that is asked of a descriptor, with the names of those that it points to, and what it was made of. */
function shape(desc: DescMessage | DescEnum) {
  const { kind, name, typeName, parent, deprecated } = desc
  const common = { kind, name, typeName, parent: parent?.typeName, deprecated, proto: desc.proto, text: `${desc}` }
  if (desc.kind === 'enum') {
    const values = desc.values.map((value) => ({ ...value, ...own(value), jsonName: value.jsonName }))
    return { ...common, open: desc.open, sharedPrefix: desc.sharedPrefix, values, byNumber: Object.keys(desc.value) }
  }
  const fields = desc.fields.map((field) => ({
    ...Object.fromEntries(Object.entries(field).filter(([, value]) => value !== undefined)),
    ...own(field),
    message: field.message?.typeName,
    enum: field.enum?.typeName,
    oneof: field.oneof?.name,
    getDefaultValue: undefined,
    toString: undefined,
  }))
  return {
    ...common,
    fields,
    byName: Object.keys(desc.field),
    oneofs: desc.oneofs.map(oneof),
    members: desc.members.map((member) => (member.kind === 'oneof' ? oneof(member) : member.name)),
    nested: [...desc.nestedMessages, ...desc.nestedEnums, ...desc.nestedExtensions].map((one) => one.typeName),
  }
}

function own(desc: { parent: { typeName: string }; proto: unknown; toString(): string }) {
  return { parent: desc.parent.typeName, proto: desc.proto, text: `${desc}`, toString: undefined }
}

function oneof({ name, localName, parent, deprecated, fields }: DescOneof) {
  return { name, localName, parent: parent.typeName, deprecated, fields: fields.map((field) => field.name) }
}

test('descriptors are those that protobuf-es makes of the same files', () => {
  const files = new Set<DescFile>()
  const visit = (file: DescFile) => {
    for (const one of file.dependencies) if (!files.has(one)) visit(one)
    files.add(file)
  }
  for (const type of registry) visit(type.file)
  const theirs = createFileRegistry(create(FileDescriptorSetSchema, { file: [...files].map(({ proto }) => proto) }))
  let seen = 0
  for (const type of registry) {
    if (type.kind !== 'message' && type.kind !== 'enum') continue
    seen++
    const other = theirs.get(type.typeName) as DescMessage | DescEnum
    if (type.kind === 'message') {
      const inFields = type.fields.flatMap(({ message }) => message ?? [])
      assert.deepEqual(new Set([...messagesIn(type)].map(String)), new Set(inFields.map(String)), type.typeName)
    }
    assert.deepEqual(shape(type), shape(other))
  }
  assert.ok(seen > 700, `${seen}`)
})
