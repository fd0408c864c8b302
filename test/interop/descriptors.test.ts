/** Fields that we add to the protos at hand (scripts/proto-patches.ts), and all others, are those that Envoy was built with. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type DescFile, fromBinary } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { registry } from '../../src/xds/registry.ts'
import { envoy } from '../peers/index.ts'

const peer = await envoy()

/** What Envoy has no more, or elsewhere. */
const GONE: Readonly<Record<string, string>> = {
  'envoy.config.listener.v3.FilterChain.on_demand_configuration': 'it was never implemented; we refuse it',
  'envoy.config.listener.v3.FilterChain.OnDemandConfiguration.': 'its message',
  'envoy.extensions.filters.http.ratelimit.v3.RateLimitConfig.': "rate_limits are the route's RateLimit now",
  'envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch.AddressMatcher.':
    'a message of envoy.type.matcher.v3 there',
}

test('fields and enumerators have the numbers and types of Envoy’s own descriptors', { skip: peer.skip }, () => {
  const program = readFileSync(peer.path)
  const differ: string[] = []
  const files = new Set([...registry].map(({ file }) => file).filter(({ name }) => /^(envoy|udpa|xds)\//.test(name)))
  for (const file of files) {
    const theirs = facts(descriptorIn(program, file))
    for (const [name, fact] of facts(file.proto)) {
      const found = theirs.get(name)
      if (found !== fact) differ.push(`${name}: ${fact}, Envoy has ${found ?? 'none'}`)
    }
  }
  const known = Object.keys(GONE)
  assert.deepEqual(
    differ.filter((one) => !known.some((start) => one.startsWith(start))),
    [],
  )
  assert.deepEqual(
    known.filter((start) => !differ.some((one) => one.startsWith(start))),
    [],
    'listed, and not so',
  )
})

const NAME = 1
const PACKAGE = 2
const SYNTAX = 12
const LENGTH_DELIMITED = 2
/** No descriptor is larger. */
const MOST = 1 << 20

/** As its compiler has put it into the program: fields in their order, from the name to the syntax. */
function descriptorIn(program: Buffer, { name }: DescFile): FileDescriptorProto {
  const file = `${name}.proto`
  const head = [(NAME << 3) | LENGTH_DELIMITED, file.length, ...Buffer.from(file), (PACKAGE << 3) | LENGTH_DELIMITED]
  const start = program.indexOf(Buffer.from(head))
  assert.notEqual(start, -1, file)
  const bytes = program.subarray(start, start + MOST)
  const reader = new BinaryReader(bytes)
  for (let field = 0; field !== SYNTAX; ) {
    const [number, wireType] = reader.tag()
    field = number
    reader.skip(wireType, number)
  }
  return fromBinary(FileDescriptorProtoSchema, bytes.subarray(0, reader.pos))
}

/** What counts on the wire, by full names. */
function facts({ package: prefix, messageType, enumType }: FileDescriptorProto): Map<string, string> {
  const found = new Map<string, string>()
  const enumerators = ({ name, value }: EnumDescriptorProto, within: string) => {
    for (const one of value) found.set(`${within}.${name}.${one.name}`, String(one.number))
  }
  const fields = ({ name, field, nestedType, enumType }: DescriptorProto, within: string) => {
    const path = `${within}.${name}`
    for (const one of field) found.set(`${path}.${one.name}`, `${one.number} of type ${one.type}, label ${one.label}`)
    for (const nested of nestedType) fields(nested, path)
    for (const nested of enumType) enumerators(nested, path)
  }
  for (const message of messageType) fields(message, prefix)
  for (const one of enumType) enumerators(one, prefix)
  return found
}
