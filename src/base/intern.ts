/**
 * Turns bytes into strings without making a string where the same bytes came before. Peers send and modules ask for the same few
 * header names and values for ever; comparing a dozen bytes costs less than a call into the engine.
 */
interface Entry<T> {
  readonly length: number
  /** The first four bytes, those in the middle and the last, which may overlap; fewer than four bytes are all in `first`. */
  readonly first: number
  readonly middle: number
  readonly last: number
  /** Of a longer one what lies between the first and the last, four bytes at a time. */
  readonly words: readonly number[]
  readonly value: T
}

/** Longer byte strings are not remembered, unless told. */
const LONGEST = 64
const SLOTS = 1024
/** Leaves the number of a slot of 32 bits. */
const SHIFT = 22
/** Of so many bytes there are none outside of the first, the middle and the last word. */
const COVERED = 12

/**
 * A table in which an entry has one of two slots, as two that shared one would take it from each other for ever. Who comes twice pushes out
 * what was there, so it never grows, and who floods it only makes it slow.
 */
export class InternTable<T> {
  readonly #slots: (Entry<T> | undefined)[] = new Array(SLOTS).fill(undefined)
  /** Of each slot the last that came and has no entry. */
  readonly #missed: string[] = new Array(SLOTS).fill('')
  readonly #make: (text: string) => T
  readonly #longest: number

  constructor(make: (text: string) => T, longest = LONGEST) {
    this.#make = make
    this.#longest = longest
  }

  /** The caller has checked the range. A `view` of the same memory makes it faster. */
  get(memory: Buffer, start: number, length: number, view?: DataView): T {
    if (view === undefined || length < 4 || length > this.#longest) return this.#getByBytes(memory, start, length)
    const first = view.getInt32(start, true)
    const middle = view.getInt32(start + ((length - 4) >>> 1), true)
    const last = view.getInt32(start + length - 4, true)
    const slot = slotOf(length, first, middle, last)
    const entry = this.#slots[slot]
    if (isAlike(entry, length, first, middle, last) && (length <= COVERED || sameWords(entry.words, view, start)))
      return entry.value
    return this.#getFromOther(memory, start, length, first, middle, last)
  }

  #getByBytes(memory: Buffer, start: number, length: number): T {
    if (length === 0 || length > this.#longest) return this.#make(memory.latin1Slice(start, start + length))
    const short = length < 4
    const first = short ? shortWord(memory, start, length) : wordAt(memory, start)
    const middle = short ? 0 : wordAt(memory, start + ((length - 4) >>> 1))
    const last = short ? 0 : wordAt(memory, start + length - 4)
    const slot = slotOf(length, first, middle, last)
    const entry = this.#slots[slot]
    if (isAlike(entry, length, first, middle, last) && (length <= COVERED || sameBytes(entry.words, memory, start)))
      return entry.value
    return this.#getFromOther(memory, start, length, first, middle, last)
  }

  #getFromOther(memory: Buffer, start: number, length: number, first: number, middle: number, last: number): T {
    const entry = this.#slots[slotOf(length, first, middle, last) ^ 1]
    if (isAlike(entry, length, first, middle, last) && (length <= COVERED || sameBytes(entry.words, memory, start)))
      return entry.value
    return this.#miss(memory, start, length, first, middle, last)
  }

  #miss(memory: Buffer, start: number, length: number, first: number, middle: number, last: number): T {
    const text = memory.latin1Slice(start, start + length)
    const value = this.#make(text)
    const slot = slotOf(length, first, middle, last)
    // What comes once (a request id) is not worth an entry, nor the loss of another's.
    if (this.#missed[slot] === text || this.#missed[slot ^ 1] === text) {
      const words: number[] = []
      if (length > COVERED) for (let at = 4; at < length - 4; at += 4) words.push(wordAt(memory, start + at))
      if (this.#slots[slot] !== undefined) this.#slots[slot ^ 1] = this.#slots[slot]
      this.#slots[slot] = { length, first, middle, last, words, value }
    } else {
      if (this.#missed[slot] !== '') this.#missed[slot ^ 1] = this.#missed[slot]
      this.#missed[slot] = text
    }
    return value
  }
}

/** Odd factors without a pattern, so that each bit moves the uppermost, of which the slot is made. */
function slotOf(length: number, first: number, middle: number, last: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) + Math.imul(middle, 0x85ebca6b) + Math.imul(last, 0xc2b2ae35)
  return (mixed + (length << SHIFT)) >>> SHIFT
}

function isAlike<T>(
  entry: Entry<T> | undefined,
  length: number,
  first: number,
  middle: number,
  last: number,
): entry is Entry<T> {
  return (
    entry !== undefined &&
    entry.length === length &&
    entry.first === first &&
    entry.middle === middle &&
    entry.last === last
  )
}

function shortWord(memory: Buffer, start: number, length: number): number {
  return memory[start] | (memory[start + (length >> 1)] << 8) | (memory[start + length - 1] << 16)
}

function wordAt(memory: Buffer, at: number): number {
  return memory[at] | (memory[at + 1] << 8) | (memory[at + 2] << 16) | (memory[at + 3] << 24)
}

function sameWords(words: readonly number[], view: DataView, start: number): boolean {
  for (let n = 0, at = start + 4; n < words.length; n++, at += 4) if (words[n] !== view.getInt32(at, true)) return false
  return true
}

function sameBytes(words: readonly number[], memory: Buffer, start: number): boolean {
  for (let n = 0, at = start + 4; n < words.length; n++, at += 4) if (words[n] !== wordAt(memory, at)) return false
  return true
}
