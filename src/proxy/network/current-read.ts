// The global of this name is looked up at each use, by a call: it is an accessor.
import { Buffer } from 'node:buffer'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { inOwnMemory } from '../../base/own-memory.ts'
import { ReadSlab } from '../../base/read-slab.ts'

/** Less than this is copied out of a slab, so that it can be used again; who keeps an eighth of another large read may keep all. */
const SMALL = 4 * 1024
const LARGE_READ = 8 * 1024
/** So much is copied into a slab, if there is one, rather than into memory of its own. */
const LARGE_COPY = 32 * 1024

const NOTHING = Buffer.alloc(0)

/**
 * Who holds the memory of a read, said once. What a socket has read is there during the call that hands it on, unless it is `owned`: then
 * nobody writes to it again, but for a slab (`ReadSlab`), which is read into again when each byte of it was given back. Of a read a body
 * gets views or copies, and is their only holder until somebody says otherwise (`BodyBuffer.sole`); what no body gets is given back at the
 * end.
 */
export class CurrentRead {
  /** What was handed on last had no other holder afterwards: it is worth a slab to read the next into. */
  recycles = false
  /** What the last bodies took was little at a time, and copied: it is read where all sockets read. */
  small = false
  /** Of this read, in a body. */
  #largest = 0
  #chunk: Buffer = NOTHING
  #owned = true
  #slab: ReadSlab | undefined
  /** Bytes of the slab that bodies hold. */
  #given = 0

  begin(chunk: Buffer, owned: boolean): void {
    this.#chunk = chunk
    this.#owned = owned
    this.#slab = owned ? ReadSlab.of(chunk) : undefined
    this.#given = 0
    this.#largest = 0
  }

  /** Nobody else has this memory: neither what all sockets read into, nor a slab, nor what was put together of a read and the one before. */
  writable(bytes: Buffer): boolean {
    return bytes !== this.#chunk || !this.#owned || this.#slab !== undefined
  }

  /** A part of the read, or of what was put together with it, to be held for any time. */
  body(bytes: Buffer, start: number, end: number): BodyBuffer {
    const body = new BodyBuffer()
    const size = end - start
    if (size === 0) return body
    if (size > this.#largest) this.#largest = size
    body.sole = true
    body.add(this.#part(bytes, bytes.subarray(start, end)))
    return body
  }

  /** Whoever takes bodies has seen this one. */
  handedOn(body: BodyBuffer): void {
    this.recycles = body.sole
  }

  end(): void {
    if (this.#largest > 0) this.small = this.#largest < SMALL
    this.#slab?.done(this.#chunk.length - this.#given)
    this.#slab = undefined
    this.#chunk = NOTHING
  }

  #part(bytes: Buffer, view: Buffer): Buffer {
    const { length } = view
    if (bytes !== this.#chunk || (this.#owned && this.#slab === undefined))
      return bytes.length < LARGE_READ || length * 8 >= bytes.length ? view : inOwnMemory(view)
    if (this.#slab !== undefined && length >= SMALL) {
      this.#given += length
      return view
    }
    if (this.recycles && length >= LARGE_COPY) return ReadSlab.copyOf(view)
    // As Buffer.from, which looks first what it was given.
    const copy = Buffer.allocUnsafe(length)
    copy.set(view)
    return copy
  }
}
