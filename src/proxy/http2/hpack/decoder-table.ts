import type { FieldName } from './field-name.ts'
import { fieldName } from './field-name.ts'
import { DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, FIRST_DYNAMIC, STATIC_TABLE } from './static-table.ts'

/** A field that was received; what is to be known about its text was found out once. */
export interface Field {
  readonly name: FieldName
  readonly value: string
  /** RFC 9110 5.5: no control characters, no blanks around it. */
  readonly valid: boolean
  readonly ascii: boolean
}

const STATIC: readonly Field[] = STATIC_TABLE.map(([name, value]) => ({
  name: fieldName(name),
  value,
  valid: true,
  ascii: true,
}))

/** Both tables of a decoder (RFC 7541 2.3); the dynamic one is a ring. */
export class DecoderTable {
  #ring: (Field | undefined)[] = new Array(16)
  #newest = -1
  #count = 0
  #size = 0
  #max = DEFAULT_TABLE_SIZE

  get max(): number {
    return this.#max
  }

  get size(): number {
    return this.#size
  }

  /** RFC 7541 4.3. */
  resize(max: number): void {
    this.#max = max
    this.#evict(max)
  }

  /** `undefined`: there is no such entry. */
  get(index: number): Field | undefined {
    if (index < FIRST_DYNAMIC) return STATIC[index - 1]
    const back = index - FIRST_DYNAMIC
    if (back >= this.#count) return undefined
    return this.#ring[(this.#newest - back) & (this.#ring.length - 1)]
  }

  /** RFC 7541 4.4: an entry larger than the table empties it. */
  add(field: Field): void {
    const size = field.name.name.length + field.value.length + ENTRY_OVERHEAD
    this.#evict(Math.max(0, this.#max - size))
    if (size > this.#max) return
    if (this.#count === this.#ring.length) this.#grow()
    this.#newest = (this.#newest + 1) & (this.#ring.length - 1)
    this.#ring[this.#newest] = field
    this.#count++
    this.#size += size
  }

  #evict(room: number): void {
    const mask = this.#ring.length - 1
    while (this.#size > room) {
      const oldest = (this.#newest - this.#count + 1) & mask
      const field = this.#ring[oldest] as Field
      this.#ring[oldest] = undefined
      this.#count--
      this.#size -= field.name.name.length + field.value.length + ENTRY_OVERHEAD
    }
  }

  #grow(): void {
    const old = this.#ring
    const mask = old.length - 1
    const ring: (Field | undefined)[] = new Array(old.length * 2)
    for (let i = 0; i < this.#count; i++) ring[i] = old[(this.#newest - this.#count + 1 + i) & mask]
    this.#ring = ring
    this.#newest = this.#count - 1
  }
}
