/** Huffman coding of HPACK strings: decoding half a byte at a time with a table, encoding by symbol. */
import { CODES, EOS, LENGTHS } from './huffman-code.ts'

/** A state is an inner node of the code's tree, 0 its root; there are 256, one fewer than symbols. */
const STATES = 256
const EMIT = 0x100
const FAIL = 0x200

/** Per state and half byte: bits 0-7 the next state, 8 that a symbol is complete, 9 that this is EOS, 16-23 the symbol. */
const STEPS = new Uint32Array(STATES * 16)

/** Where a string may end: at a symbol's end, or in padding of up to seven ones (RFC 7541 5.2). */
const ACCEPTS = new Uint8Array(STATES)

function build(): void {
  // Children of node n at 2n and 2n+1: another node, or ~symbol.
  const tree = new Int32Array(STATES * 2)
  let nodes = 1
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0
    for (let bit = LENGTHS[symbol] - 1; bit >= 0; bit--) {
      const at = node * 2 + ((CODES[symbol] >>> bit) & 1)
      if (bit === 0) tree[at] = ~symbol
      else {
        if (tree[at] === 0) tree[at] = nodes++
        node = tree[at]
      }
    }
  }
  for (let state = 0; state < STATES; state++) {
    for (let half = 0; half < 16; half++) {
      let node = state
      let step = 0
      for (let bit = 3; bit >= 0; bit--) {
        const next = tree[node * 2 + ((half >> bit) & 1)]
        if (next >= 0) node = next
        else {
          if (~next === EOS) step |= FAIL
          else step |= EMIT | (~next << 16)
          node = 0
        }
      }
      STEPS[state * 16 + half] = step | node
    }
  }
  let node = 0
  for (let ones = 0; ones <= 7; ones++) {
    ACCEPTS[node] = 1
    node = tree[node * 2 + 1]
  }
}

build()

/** Decodes `bytes[start, end)` into `target`, which must have room for 8/5 of them; -1 where it is no valid coding. */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0
  let length = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    let step = STEPS[state * 16 + (byte >> 4)]
    if ((step & (EMIT | FAIL)) !== 0) {
      if ((step & FAIL) !== 0) return -1
      target[length++] = step >>> 16
    }
    step = STEPS[(step & 0xff) * 16 + (byte & 15)]
    if ((step & (EMIT | FAIL)) !== 0) {
      if ((step & FAIL) !== 0) return -1
      target[length++] = step >>> 16
    }
    state = step & 0xff
  }
  return ACCEPTS[state] === 1 ? length : -1
}

/** How many bytes a latin1 text takes when encoded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 0xff]
  return (bits + 7) >> 3
}

/** Writes the coding of a latin1 text at `at`; returns where it ends. */
export function huffmanEncode(text: string, target: Uint8Array, start: number): number {
  let at = start
  let bits = 0
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff
    let code = CODES[symbol]
    let length = LENGTHS[symbol]
    if (length > 24) {
      // With up to seven bits waiting the long codes do not fit into 32: they go in two parts.
      bits = (bits << 16) | (code >>> (length - 16))
      count += 16
      for (; count >= 8; count -= 8) target[at++] = (bits >>> (count - 8)) & 0xff
      length -= 16
      code &= (1 << length) - 1
    }
    bits = (bits << length) | code
    count += length
    for (; count >= 8; count -= 8) target[at++] = (bits >>> (count - 8)) & 0xff
  }
  if (count > 0) target[at++] = ((bits << (8 - count)) | (0xff >> count)) & 0xff
  return at
}
