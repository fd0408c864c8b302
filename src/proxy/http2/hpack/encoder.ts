import { type EncodedName, encodedName, writeInteger, writeString } from './encoder-names.ts'
import { DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, FIRST_DYNAMIC } from './static-table.ts'

/** Where a block is written to. */
export interface BlockTarget {
  buffer: Buffer
  at: number
  /** Makes room; may replace `buffer`. */
  need(size: number): void
}

/** Values that are remembered under one name. */
const VALUES = 4

/** Names that are remembered; peers choose them, so all are forgotten when there are too many. */
const MAX_NAMES = 256

/** What this connection has sent under a name. */
export class NameSlot {
  readonly name: EncodedName
  readonly nameLength: number
  /** Sent last, and not in the table. */
  seen = ''
  readonly values: string[] = []
  /** How many entries had been added before this value's. */
  readonly positions: number[] = []
  next = 0

  constructor(text: string) {
    this.name = encodedName(text)
    this.nameLength = text.length
  }
}

/**
 * HPACK encoding (RFC 7541). A value goes into the table when it is seen for the second time in a row under its name: what differs
 * with every message (ids, dates, lengths) would only push out what repeats.
 */
export class HpackEncoder {
  readonly #own: number
  #slots = new Map<string, NameSlot>()
  /** Sizes of the entries, a ring like the peer's table. */
  #sizes = new Uint32Array(16)
  #added = 0
  #count = 0
  #size = 0
  #max = DEFAULT_TABLE_SIZE
  /** The smallest size since the last block, and the one to be used: what the peer has to be told. */
  #smallest = -1
  #update = -1

  /** `tableSize` is how much we are willing to remember (`hpack_table_size`). */
  constructor(tableSize: number) {
    this.#own = tableSize
    if (tableSize < DEFAULT_TABLE_SIZE) this.peerLimit(tableSize)
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  peerLimit(size: number): void {
    const max = Math.min(size, this.#own)
    if (max === this.#max && this.#update === -1) return
    this.#smallest = this.#smallest === -1 ? Math.min(max, this.#max) : Math.min(max, this.#smallest)
    this.#update = max
    this.#max = max
    this.#evict(max)
  }

  slot(name: string): NameSlot {
    return this.#slots.get(name) ?? this.#newSlot(name)
  }

  /** To be called in front of each block (RFC 7541 4.2). */
  begin(target: BlockTarget): void {
    if (this.#update === -1) return
    target.need(16)
    if (this.#smallest < this.#update) target.at = writeInteger(this.#smallest, 0x20, 0x1f, target.buffer, target.at)
    target.at = writeInteger(this.#update, 0x20, 0x1f, target.buffer, target.at)
    this.#smallest = -1
    this.#update = -1
  }

  field(slot: NameSlot, value: string, neverIndex: boolean, target: BlockTarget): void {
    const encoded = slot.name
    target.need(encoded.literal.length + value.length + 16)
    const { buffer } = target
    const known = encoded.values
    for (let i = 0; i < known.length; i++) {
      if (known[i] !== value) continue
      buffer[target.at++] = 0x80 | (encoded.index + i)
      return
    }
    if (neverIndex || encoded.secret) {
      this.#literal(encoded, value, 0x10, 0x0f, target)
      return
    }
    const { values } = slot
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== value) continue
      const back = this.#added - 1 - slot.positions[i]
      if (back < this.#count) {
        target.at = writeInteger(FIRST_DYNAMIC + back, 0x80, 0x7f, buffer, target.at)
        return
      }
      this.#insert(slot, i, value, target)
      return
    }
    if (slot.seen === value) this.#insert(slot, -1, value, target)
    else {
      // What is too large for the table is not remembered either: there are many names, and many connections.
      slot.seen = value.length > this.#max >> 1 ? '' : value
      this.#literal(encoded, value, 0, 0x0f, target)
    }
  }

  #insert(slot: NameSlot, at: number, value: string, target: BlockTarget): void {
    const encoded = slot.name
    const size = slot.nameLength + value.length + ENTRY_OVERHEAD
    // One large value would push out all others.
    if (size > this.#max >> 1) {
      this.#literal(encoded, value, 0, 0x0f, target)
      return
    }
    this.#literal(encoded, value, 0x40, 0x3f, target)
    const index = at === -1 ? slot.next : at
    if (at === -1) slot.next = (slot.next + 1) % VALUES
    slot.values[index] = value
    slot.positions[index] = this.#added
    this.#add(size)
  }

  #literal(name: EncodedName, value: string, first: number, mask: number, target: BlockTarget): void {
    const { buffer } = target
    let at = writeInteger(name.index, first, mask, buffer, target.at)
    if (name.index === 0) {
      buffer.set(name.literal, at)
      at += name.literal.length
    }
    target.at = writeString(value, buffer, at)
  }

  #newSlot(name: string): NameSlot {
    if (this.#slots.size >= MAX_NAMES) this.#slots = new Map()
    const slot = new NameSlot(name)
    this.#slots.set(name, slot)
    return slot
  }

  #add(size: number): void {
    this.#evict(this.#max - size)
    if (this.#count === this.#sizes.length) {
      const grown = new Uint32Array(this.#sizes.length * 2)
      for (let back = 0; back < this.#count; back++) {
        const n = this.#added - 1 - back
        grown[n & (grown.length - 1)] = this.#sizes[n & (this.#sizes.length - 1)]
      }
      this.#sizes = grown
    }
    this.#sizes[this.#added++ & (this.#sizes.length - 1)] = size
    this.#count++
    this.#size += size
  }

  #evict(room: number): void {
    while (this.#size > room) {
      this.#size -= this.#sizes[(this.#added - this.#count) & (this.#sizes.length - 1)]
      this.#count--
    }
  }
}
