/** A writer of header blocks that can also write wrong ones. It shares nothing with the codec under test. */

/** RFC 7541 5.1: an integer with a prefix of `bits`, the bits above it from `flags`. */
export function integer(value: number, bits: number, flags = 0): Buffer {
  const limit = 2 ** bits - 1
  if (value < limit) return Buffer.from([flags | value])
  const bytes = [flags | limit]
  let rest = value - limit
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

/** RFC 7541 5.2, plain. */
function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([integer(bytes.length, 7), bytes])
}

/** RFC 7541 5.2, Huffman-coded: the coded bytes as hex. */
export function huffman(hex: string): Buffer {
  const bytes = Buffer.from(hex, 'hex')
  return Buffer.concat([integer(bytes.length, 7, 0x80), bytes])
}

/** RFC 7541 6.1. */
export const indexed = (index: number): Buffer => integer(index, 7, 0x80)

/** RFC 7541 6.3. */
export const tableSize = (size: number): Buffer => integer(size, 5, 0x20)

const FORMS = { add: [6, 0x40], plain: [4, 0], never: [4, 0x10] } as const

/** RFC 7541 6.2: `add` enters the table, `plain` does not, `never` must not on any hop. */
export function literal(form: keyof typeof FORMS, name: number | string | Buffer, value: string | Buffer): Buffer {
  const [bits, flags] = FORMS[form]
  const text = (part: string | Buffer) => (typeof part === 'string' ? string(part) : part)
  const head = typeof name === 'number' ? integer(name, bits, flags) : Buffer.concat([Buffer.from([flags]), text(name)])
  return Buffer.concat([head, text(value)])
}

export type Field = readonly [name: string, value: string]

/** Fields as literals that leave the table alone. */
export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal('plain', name, value)))
}

const STATUSES = ['200', '204', '206', '304', '400', '404', '500']
/** RFC 7541 appendix B: the digits, as bits. */
const DIGITS: Readonly<Record<string, string>> = Object.fromEntries(
  ['00000', '00001', '00010', '011001', '011010', '011011', '011100', '011101', '011110', '011111'].map((code, i) => [
    code,
    String(i),
  ]),
)

/** The `:status` that a block of a peer without a dynamic table begins with; undefined for trailers. */
export function statusOf(fragment: Buffer): string | undefined {
  let at = 0
  // Updates of the table's size may stand before it.
  while ((fragment[at] & 0xe0) === 0x20) {
    if ((fragment[at++] & 0x1f) < 31) continue
    while (fragment[at++] >= 128);
  }
  const first = fragment[at]
  if (first >= 0x88 && first <= 0x8e) return STATUSES[first - 0x88]
  // A literal whose name is one of the entries 8 to 14, which all are `:status`.
  const index = (first & 0xc0) === 0x40 ? first & 0x3f : first & 0x0f
  if (first >= 0x80 || index < 8 || index > 14) return undefined
  const length = fragment[at + 1] & 0x7f
  const value = fragment.subarray(at + 2, at + 2 + length)
  if ((fragment[at + 1] & 0x80) === 0) return value.toString('latin1')
  let digits = ''
  let code = ''
  for (const bit of [...value].map((byte) => byte.toString(2).padStart(8, '0')).join('')) {
    code += bit
    if (!(code in DIGITS)) continue
    digits += DIGITS[code]
    code = ''
  }
  return digits.slice(0, 3)
}
