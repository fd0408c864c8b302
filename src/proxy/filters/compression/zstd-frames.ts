/** RFC 8878 3.1: what a frame begins with, and a frame that decoders skip (of 16, told apart by the last four bits). */
const FRAME = 0xfd2fb528
const SKIPPABLE = 0x184d2a50

/** What the next bytes are. */
type Part = 'magic' | 'descriptor' | 'skippable size' | 'block header' | 'block' | 'last block' | 'rest' | 'lost'

/** How many bytes make the number that stands there. */
const LENGTHS: Partial<Record<Part, number>> = { magic: 4, descriptor: 1, 'skippable size': 4, 'block header': 3 }

/** What is gone over in one step. */
const SKIPPED: ReadonlySet<Part> = new Set<Part>(['block', 'last block', 'rest'])

/**
 * Where the frames of a zstd body end. Node's decoder ends with the first frame that ends within a write and drops what that write has
 * behind it; a body is one frame or more (RFC 8878 3), so each write may bring no more than the rest of one.
 */
export class ZstdFrames {
  #part: Part = 'magic'
  #number = 0
  #digits = 0
  #skip = 0
  #checksum = 0;

  /** The chunk, cut where frames end. */
  *split(chunk: Buffer): Generator<Buffer, undefined> {
    let from = 0
    let at = 0
    while (at < chunk.length && this.#part !== 'lost') {
      const length = LENGTHS[this.#part]
      if (length === undefined) {
        const skipped = Math.min(this.#skip, chunk.length - at)
        at += skipped
        this.#skip -= skipped
      } else {
        this.#number += chunk[at++] * 256 ** this.#digits++
        if (this.#digits < length) continue
        this.#read(this.#number)
        this.#number = this.#digits = 0
      }
      while (this.#skip === 0 && SKIPPED.has(this.#part)) {
        if (this.#skipped()) continue
        yield chunk.subarray(from, at)
        from = at
      }
    }
    if (from < chunk.length) yield chunk.subarray(from)
  }

  #read(number: number): void {
    switch (this.#part) {
      case 'magic':
        if (number === FRAME) this.#part = 'descriptor'
        // What is no frame is for the decoder to say.
        else this.#part = number - (number % 16) === SKIPPABLE ? 'skippable size' : 'lost'
        return
      case 'descriptor':
        this.#descriptor(number)
        return
      case 'skippable size':
        this.#part = 'rest'
        this.#skip = number
        return
      default: {
        const [last, type, size] = [number & 1, (number >> 1) & 3, number >> 3]
        if (type === 3) this.#part = 'lost'
        else this.#part = last === 1 ? 'last block' : 'block'
        // One byte that is repeated stands in a block of the second type.
        this.#skip = type === 1 ? 1 : size
      }
    }
  }

  /** RFC 8878 3.1.1.1: how long the rest of the header is, and whether a checksum ends the frame. */
  #descriptor(bits: number): void {
    const single = (bits >> 5) & 1
    const contentSize = [single, 2, 4, 8][bits >> 6]
    this.#checksum = (bits & 4) === 0 ? 0 : 4
    this.#part = 'block'
    this.#skip = 1 - single + [0, 1, 2, 4][bits & 3] + contentSize
  }

  /** What follows; false: nothing, the frame ends here. */
  #skipped(): boolean {
    if (this.#part === 'block') this.#part = 'block header'
    else if (this.#part === 'last block') {
      this.#part = 'rest'
      this.#skip = this.#checksum
    } else {
      this.#part = 'magic'
      return false
    }
    return true
  }
}
