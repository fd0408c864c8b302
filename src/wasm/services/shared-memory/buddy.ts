/** The first word of a block: its order, and whether it is taken. */
const TAKEN = 0x100
const ORDER = 0xff
/** Bytes before the payload. */
const HEADER = 8
const SMALLEST = 6

/**
 * A buddy allocator in shared memory. Blocks are powers of two and join their neighbours when freed, so that a module which
 * allocates and frees in every size cannot leave the store in splinters. Addresses are bytes; 0 is no block.
 */
export class Buddy {
  readonly #words: Int32Array<SharedArrayBuffer>
  /** Index of the word with the head of the list of order 0; one word per order follows. */
  readonly #lists: number
  readonly #base: number
  readonly #top: number

  /** `size` is a power of two. */
  constructor(words: Int32Array<SharedArrayBuffer>, lists: number, base: number, size: number) {
    this.#words = words
    this.#lists = lists
    this.#base = base
    this.#top = 31 - Math.clz32(size)
  }

  /** Once per store, by whoever makes it. */
  format(): void {
    this.#push(this.#base, this.#top)
  }

  /** The address of `size` bytes, or 0. */
  allocate(size: number): number {
    const order = Math.max(SMALLEST, 32 - Math.clz32(size + HEADER - 1))
    let from = order
    while (from <= this.#top && this.#words[this.#lists + from] === 0) from++
    if (from > this.#top) return 0
    const block = this.#words[this.#lists + from]
    this.#unlink(block, from)
    while (from > order) {
      from--
      this.#push(block + 2 ** from, from)
    }
    this.#words[block >> 2] = order | TAKEN
    return block + HEADER
  }

  free(address: number): void {
    let block = address - HEADER
    let order = this.#words[block >> 2] & ORDER
    while (order < this.#top) {
      const buddy = this.#base + ((block - this.#base) ^ (2 ** order))
      // Only a free block of the same size is a whole buddy.
      if (this.#words[buddy >> 2] !== order) break
      this.#unlink(buddy, order)
      block = Math.min(block, buddy)
      order++
    }
    this.#push(block, order)
  }

  #push(block: number, order: number): void {
    const words = this.#words
    const head = words[this.#lists + order]
    words[block >> 2] = order
    words[(block >> 2) + 1] = 0
    words[(block >> 2) + 2] = head
    if (head !== 0) words[(head >> 2) + 1] = block
    words[this.#lists + order] = block
  }

  #unlink(block: number, order: number): void {
    const words = this.#words
    const before = words[(block >> 2) + 1]
    const after = words[(block >> 2) + 2]
    if (before === 0) words[this.#lists + order] = after
    else words[(before >> 2) + 2] = after
    if (after !== 0) words[(after >> 2) + 1] = before
  }
}
