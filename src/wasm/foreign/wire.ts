import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** Fields by number, the last one winning; enough for the flat messages that foreign functions take. */
interface FlatMessage {
  bytes(field: number): Uint8Array
  text(field: number): string
  int(field: number): number
  has(field: number): boolean
}

/** Undefined for what is not a protobuf message. */
export function readFlat(bytes: Uint8Array): FlatMessage | undefined {
  const fields = new Map<number, Uint8Array | number>()
  try {
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag()
      if (type === WireType.LengthDelimited) fields.set(field, reader.bytes())
      else if (type === WireType.Varint) fields.set(field, Number(reader.uint64()))
      else reader.skip(type, field)
    }
  } catch {
    return undefined
  }
  const part = (field: number) => fields.get(field)
  return {
    bytes: (field) => {
      const value = part(field)
      return value instanceof Uint8Array ? value : new Uint8Array()
    },
    text: (field) => {
      const value = part(field)
      return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : ''
    },
    int: (field) => {
      const value = part(field)
      return typeof value === 'number' ? value : 0
    },
    has: (field) => fields.has(field),
  }
}

export { BinaryWriter }
