/**
 * Turns bytes into strings without making a string where the same bytes came before. Peers send and modules ask for the same few
 * header names and values for ever; comparing a dozen bytes costs less than a call into the engine.
 */
interface Entry<T> {
  readonly bytes: Uint8Array
  readonly value: T
}

/** Longer byte strings are not remembered. */
const LONGEST = 64
const SLOTS = 1024

/** A direct-mapped table; a newcomer takes the slot of what was there, so it never grows, and who floods it only makes it slow. */
export class InternTable<T> {
  readonly #slots: (Entry<T> | undefined)[] = new Array(SLOTS).fill(undefined)
  readonly #make: (text: string) => T

  constructor(make: (text: string) => T) {
    this.#make = make
  }

  /** The caller has checked the range. */
  get(memory: Buffer, start: number, length: number): T {
    if (length === 0 || length > LONGEST) return this.#make(memory.latin1Slice(start, start + length))
    const last = start + length - 1
    const mixed =
      length * 31 +
      memory[start] * 7 +
      memory[last] * 131 +
      memory[start + (length >> 1)] * 1031 +
      memory[start + (length >> 2)] * 37
    const slot = mixed & (SLOTS - 1)
    const entry = this.#slots[slot]
    if (entry !== undefined && same(entry.bytes, memory, start, length)) return entry.value
    const value = this.#make(memory.latin1Slice(start, start + length))
    this.#slots[slot] = { bytes: Uint8Array.prototype.slice.call(memory, start, start + length), value }
    return value
  }
}

function same(bytes: Uint8Array, memory: Buffer, start: number, length: number): boolean {
  if (bytes.length !== length) return false
  for (let i = 0; i < length; i++) if (bytes[i] !== memory[start + i]) return false
  return true
}
