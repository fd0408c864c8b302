import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** A number, or the bytes of a text or a message. */
export type Value = Uint8Array | number
export type Part = readonly [no: number, value: Value]

/** What stands in a descriptor, without looking into the messages of it. */
export function* parts(bytes: Uint8Array): Generator<Part> {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag()
    if (type === WireType.LengthDelimited) yield [no, reader.bytes()]
    else if (type === WireType.Varint) yield [no, reader.int32()]
    else reader.skip(type, no)
  }
}

/** Names are ASCII. */
export function text(value: Value): string {
  return Buffer.from(
    (value as Uint8Array).buffer,
    (value as Uint8Array).byteOffset,
    (value as Uint8Array).length,
  ).latin1Slice()
}

/** An option that is true. */
export function isTrue(options: Value, option: number): boolean {
  for (const [no, value] of parts(options as Uint8Array)) if (no === option) return value === 1
  return false
}
