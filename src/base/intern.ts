/**
 * Turns bytes into strings without making a string where the same bytes came before. Peers send and modules ask for the same few
 * header names and values for ever; comparing a dozen bytes costs less than a call into the engine.
 */
interface Entry<T> {
  readonly length: number
  readonly bytes: Uint8Array
  /** The same four at a time, for those who have a view; the last four may overlap those before. None of fewer than four bytes. */
  readonly words: readonly number[]
  readonly value: T
}

/** Longer byte strings are not remembered. */
const LONGEST = 64
const SLOTS = 1024

/**
 * A direct-mapped table; who comes twice takes the slot of what was there, so it never grows, and who floods it only makes it slow.
 */
export class InternTable<T> {
  readonly #slots: (Entry<T> | undefined)[] = new Array(SLOTS).fill(undefined)
  /** Of each slot the last that came and has no entry. */
  readonly #missed: string[] = new Array(SLOTS).fill('')
  readonly #make: (text: string) => T

  constructor(make: (text: string) => T) {
    this.#make = make
  }

  /** The caller has checked the range. With a `view` of the same memory bytes are compared four at a time. */
  get(memory: Buffer, start: number, length: number, view?: DataView): T {
    if (length === 0 || length > LONGEST) return this.#make(memory.latin1Slice(start, start + length))
    const last = start + length - 1
    const mixed =
      length * 31 +
      memory[start] * 7 +
      memory[last] * 131 +
      memory[length === 1 ? last : last - 1] * 521 +
      memory[start + (length >> 1)] * 1031 +
      memory[start + (length >> 2)] * 37
    const slot = mixed & (SLOTS - 1)
    const entry = this.#slots[slot]
    if (entry !== undefined && entry.length === length) {
      const found =
        view === undefined || length < 4
          ? sameBytes(entry.bytes, memory, start, length)
          : sameWords(entry.words, view, start, length - 4)
      if (found) return entry.value
    }
    const text = memory.latin1Slice(start, start + length)
    const value = this.#make(text)
    // What comes once (a request id) is not worth an entry, nor the loss of another's.
    if (this.#missed[slot] === text) this.#slots[slot] = remember(memory, start, length, value)
    else this.#missed[slot] = text
    return value
  }
}

function remember<T>(memory: Buffer, start: number, length: number, value: T): Entry<T> {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = memory[start + i]
  const words: number[] = []
  for (let i = 0; i < length && length >= 4; i += 4) {
    const at = Math.min(i, length - 4)
    words.push(bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24))
  }
  return { length, bytes, words, value }
}

function sameBytes(bytes: Uint8Array, memory: Buffer, start: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[i] !== memory[start + i]) return false
  return true
}

/** `last` is where the last four bytes begin. */
function sameWords(words: readonly number[], view: DataView, start: number, last: number): boolean {
  let at = 0
  let n = 0
  for (; at < last; at += 4) if (words[n++] !== view.getInt32(start + at, true)) return false
  return words[n] === view.getInt32(start + last, true)
}
