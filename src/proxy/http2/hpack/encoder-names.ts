import { FieldId, fieldName } from './field-name.ts'
import { huffmanEncode, huffmanLength } from './huffman.ts'
import { STATIC_TABLE } from './static-table.ts'

/** What there is to know about encoding a name, whatever the connection. */
export interface EncodedName {
  readonly id: number
  readonly valid: boolean
  /** In the static table; 0 where it is not. */
  readonly index: number
  /** Values that stand in the static table from `index` on. */
  readonly values: readonly string[]
  /** The name as a string literal (RFC 7541 5.2). */
  readonly literal: Uint8Array
  /**
   * RFC 7541 7.1.3: secrets stay out of the tables, where their size would tell who guesses them on the same connection that a guess
   * was right.
   */
  readonly secret: boolean
}

const SECRET = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])

const staticIndex = new Map<string, number>()
const staticValues = new Map<string, string[]>()
for (const [i, [name, value]] of STATIC_TABLE.entries()) {
  if (!staticIndex.has(name)) staticIndex.set(name, i + 1)
  if (value !== '') staticValues.set(name, [...(staticValues.get(name) ?? []), value])
}

const NONE: readonly string[] = []

/** Peers choose names, so the cache stops growing at this many. */
const MAX_CACHED = 1024
const cache = new Map<string, EncodedName>()

/** Looks up a name that is to be sent, once: most names of a message were in the one before. */
export function encodedName(name: string): EncodedName {
  const cached = cache.get(name)
  if (cached !== undefined) return cached
  const { id, valid } = fieldName(name)
  const encoded: EncodedName = {
    id,
    valid: valid && id !== FieldId.UnknownPseudo,
    index: staticIndex.get(name) ?? 0,
    values: staticValues.get(name) ?? NONE,
    literal: stringLiteral(name),
    secret: SECRET.has(name),
  }
  if (cache.size < MAX_CACHED && name.length <= 64) cache.set(name, encoded)
  return encoded
}

function stringLiteral(text: string): Uint8Array {
  const target = Buffer.allocUnsafe(text.length + 8)
  return Uint8Array.prototype.slice.call(target, 0, writeString(text, target, 0))
}

/** Writes a string literal, Huffman coded where that is shorter; there must be room for the text and 6 bytes. */
export function writeString(text: string, target: Buffer, at: number): number {
  const length = text.length
  const coded = huffmanLength(text)
  if (coded < length) return huffmanEncode(text, target, writeInteger(coded, 0x80, 0x7f, target, at))
  const start = writeInteger(length, 0, 0x7f, target, at)
  return length === 0 ? start : start + target.latin1Write(text, start)
}

/** RFC 7541 5.1: `value` behind the bits `first` in a prefix as wide as `mask`. */
export function writeInteger(value: number, first: number, mask: number, target: Uint8Array, start: number): number {
  let at = start
  if (value < mask) {
    target[at++] = first | value
    return at
  }
  target[at++] = first | mask
  let rest = value - mask
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}
