import { FEW_CHARACTERS, type StringGiver } from '../string-giver.ts'

/**
 * The wire form of header maps (spec "Serialized maps"; the byte dump printed there is wrong, this follows the SDKs):
 * u32 count; count x (u32 key size, u32 value size); then each key and value with a NUL behind it. Little endian.
 */

/** cpp-host's limits; beyond them a map counts as empty. */
export const MAX_PAIRS = 1024
const MAX_PAIRS_BYTES = 1 << 20

/** How many bytes `writePairs` writes: each string with its NUL and its size, and the count. */
export function pairsSize(flat: readonly string[]): number {
  let size = 4
  for (let i = 0; i < flat.length; i++) size += flat[i].length + 5
  return size
}

/** Writes at `at`, where there must be room for `pairsSize` bytes. Strings are byte strings. With a `giver` of the memory it is faster. */
export function writePairs(
  flat: readonly string[],
  target: Buffer,
  view: DataView,
  at: number,
  giver?: StringGiver,
): void {
  view.setUint32(at, flat.length >>> 1, true)
  let size = at + 4
  let data = size + flat.length * 4
  for (let i = 0; i < flat.length; i++) {
    const text = flat[i]
    const length = text.length
    if (giver !== undefined && length <= FEW_CHARACTERS) giver.put(text, length, size, data)
    else {
      view.setUint32(size, length, true)
      target.latin1Write(text, data, length)
      target[data + length] = 0
    }
    size += 4
    data += length + 1
  }
}

/** A map in memory of its own, for a place that is not the module's. */
export function encodePairs(flat: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(pairsSize(flat))
  writePairs(flat, bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)
  return bytes
}

/**
 * Reads pairs into a flat list. Anything malformed is the empty map, as in cpp-host: the host call goes on with it. The
 * empty map comes as no bytes, as a zero count, or as one zero byte (old C++ SDK).
 */
export function decodePairs(bytes: Buffer, start: number, length: number): string[] {
  if (length < 4 || length > MAX_PAIRS_BYTES) return []
  const count = bytes.readUInt32LE(start)
  if (count > MAX_PAIRS) return []
  const end = start + length
  let size = start + 4
  let data = size + count * 8
  if (data > end) return []
  const flat: string[] = []
  for (let i = count * 2; i > 0; i--) {
    const next = data + bytes.readUInt32LE(size)
    size += 4
    if (next >= end || bytes[next] !== 0) return []
    flat.push(bytes.latin1Slice(data, next))
    data = next + 1
  }
  return data === end ? flat : []
}
