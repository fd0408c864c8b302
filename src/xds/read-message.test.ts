import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DescField, type DescMessage, fromBinary, ScalarType } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { StructSchema } from '@bufbuild/protobuf/wkt'
import { readMessage } from '../base/read-message.ts'
import { registry } from './registry.ts'

/** Numbers that are the same in each run (Numerical Recipes, ranqd1). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A message as it comes: fields in any order, some twice, some unknown. */
function bytesOf(desc: DescMessage, next: (below: number) => number, depth: number): Uint8Array {
  const writer = new BinaryWriter()
  for (let i = next(2 * desc.fields.length + 1); i > 0 && desc.fields.length > 0; i--) {
    const field = desc.fields[next(desc.fields.length)]
    if (field.fieldKind === 'map') {
      writer.tag(field.number, WireType.LengthDelimited).fork()
      if (next(4) > 0) scalar(writer, 1, field.mapKey, next)
      if (next(4) > 0) value(writer, 2, field, next, depth)
      writer.join()
    } else if (field.fieldKind === 'list' && field.packed && next(2) > 0) {
      writer.tag(field.number, WireType.LengthDelimited).fork()
      for (let n = next(3); n > 0; n--) bare(writer, field.scalar ?? ScalarType.INT32, next)
      writer.join()
    } else value(writer, field.number, field, next, depth)
  }
  if (next(5) === 0) writer.tag(20_000, WireType.Varint).uint32(next(1000))
  return writer.finish()
}

function value(writer: BinaryWriter, no: number, field: DescField, next: (n: number) => number, depth: number): void {
  if (field.message === undefined) scalar(writer, no, field.scalar ?? ScalarType.INT32, next)
  else if (depth < 4) writer.tag(no, WireType.LengthDelimited).bytes(bytesOf(field.message, next, depth + 1))
}

const FIXED32 = [ScalarType.FIXED32, ScalarType.SFIXED32, ScalarType.FLOAT]
const FIXED64 = [ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.DOUBLE]

function scalar(writer: BinaryWriter, no: number, type: ScalarType, next: (below: number) => number): void {
  const delimited = type === ScalarType.STRING || type === ScalarType.BYTES
  const fixed = FIXED32.includes(type) ? WireType.Bit32 : FIXED64.includes(type) ? WireType.Bit64 : WireType.Varint
  bare(writer.tag(no, delimited ? WireType.LengthDelimited : fixed), type, next)
}

function bare(writer: BinaryWriter, type: ScalarType, next: (below: number) => number): void {
  const number = next(300)
  if (type === ScalarType.STRING) writer.string(['', 'é', '__proto__', `${number}`][next(4)])
  else if (type === ScalarType.BYTES) writer.bytes(Buffer.from(`${number}`.slice(next(4))))
  else if (type === ScalarType.DOUBLE) writer.double(number / 4)
  else if (type === ScalarType.FLOAT) writer.float(number / 4)
  else if (type === ScalarType.BOOL) writer.bool(number > 150)
  else if (FIXED32.includes(type)) writer.fixed32(number)
  else if (FIXED64.includes(type)) writer.fixed64(number)
  else if (type === ScalarType.INT64 || type === ScalarType.INT32) writer.int64(BigInt(number - 150))
  else writer.uint32(number)
}

describe('a message that is read', () => {
  it('is what protobuf-es reads, of each type and from any bytes', () => {
    const next = numbers(1)
    let set = 0
    for (const type of registry) {
      if (type.kind !== 'message') continue
      for (let i = 0; i < 6; i++) {
        const bytes = bytesOf(type, next, 0)
        set += bytes.length
        assert.deepStrictEqual(readMessage(type, bytes), fromBinary(type, bytes), type.typeName)
      }
    }
    assert.ok(set > 200_000, `${set}`)
  })

  it('asks for the descriptors of what is there alone', () => {
    const [cluster, inside] = ['Cluster', 'OutlierDetection'].map(
      (name) => registry.getMessage(`envoy.config.cluster.v3.${name}`) as DescMessage,
    )
    const outlier = cluster.fields.find(({ message }) => message === inside)
    const bytes = new BinaryWriter().tag(1, WireType.LengthDelimited).string('c').finish()
    const asked = (read: () => unknown): boolean => {
      let seen = false
      const { members } = inside
      const tell = () => {
        seen = true
        return members
      }
      Object.defineProperty(inside, 'members', { configurable: true, get: tell })
      read()
      Reflect.deleteProperty(inside, 'members')
      return seen
    }
    const empty = new BinaryWriter().tag(outlier?.number as number, WireType.LengthDelimited).bytes(new Uint8Array(0))
    assert.equal(
      asked(() => readMessage(cluster, bytes)),
      false,
    )
    assert.equal(
      asked(() => readMessage(cluster, empty.finish())),
      true,
    )
  })

  it('is refused where protobuf-es refuses it', () => {
    const cluster = registry.getMessage('envoy.config.cluster.v3.Cluster') as DescMessage
    const deep = (levels: number): Uint8Array => {
      let bytes = new Uint8Array(0)
      // list_value of Value, and values of ListValue
      for (let i = 0; i < levels; i++)
        bytes = new BinaryWriter()
          .tag(i % 2 ? 6 : 1, WireType.LengthDelimited)
          .bytes(bytes)
          .finish() as Uint8Array<ArrayBuffer>
      return bytes
    }
    const cases: [DescMessage, Uint8Array][] = [
      [cluster, Buffer.from([0x0a, 2, 0xff, 0xfe])],
      [cluster, Buffer.from([0x0a, 9, 0x61])],
      [cluster, Buffer.from([0x0f])],
      [StructSchema, Buffer.from([0])],
      [registry.getMessage('google.protobuf.ListValue') as DescMessage, deep(99)],
      [registry.getMessage('google.protobuf.ListValue') as DescMessage, deep(101)],
    ]
    const outcome = (read: () => unknown) => {
      try {
        read()
        return 'read'
      } catch {
        return 'refused'
      }
    }
    const outcomes = cases.map(([desc, bytes]) => outcome(() => readMessage(desc, bytes)))
    assert.deepEqual(
      outcomes,
      cases.map(([desc, bytes]) => outcome(() => fromBinary(desc, bytes))),
    )
    assert.deepEqual(new Set(outcomes), new Set(['read', 'refused']))
  })
})
