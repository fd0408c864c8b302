import { ownCopy } from './own-memory.ts'
import { ReadSlab } from './read-slab.ts'

/** Pieces smaller than this are copied together where they are kept. */
const SMALL = 512
const BLOCK = 4096

/**
 * A message body, or a part of it, as a list of buffers: bodies move through filters without being copied. The buffers inside are
 * never written to but behind their end; whoever changes content replaces them.
 */
export class BodyBuffer {
  readonly chunks: Buffer[] = []
  length = 0
  /** Whoever has this has the only reference to its bytes; who keeps another for itself says so here. */
  sole = false
  /** Where small pieces are copied to, and the last chunk when it is the beginning of that. */
  #block: Buffer | undefined
  #gathered: Buffer | undefined

  /** A body that holds these bytes. */
  static of(...parts: readonly (Buffer | string)[]): BodyBuffer {
    const body = new BodyBuffer()
    for (const part of parts) body.add(typeof part === 'string' ? Buffer.from(part) : part)
    return body
  }

  add(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.chunks.push(chunk)
    this.length += chunk.length
  }

  prepend(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.chunks.unshift(chunk)
    this.length += chunk.length
  }

  /** Takes everything out of `other`, leaving it empty. */
  move(other: BodyBuffer): void {
    if (other === this) return
    this.sole = other.sole && (this.sole || this.length === 0)
    for (const chunk of other.chunks) this.#keep(chunk, true)
    other.clear()
  }

  /** Takes everything out of `other` for somebody who may look at it meanwhile, and keep what he sees. */
  hold(other: BodyBuffer): void {
    other.sole = false
    this.move(other)
  }

  /** Holds the bytes of `other`, too, from now on. */
  share(other: BodyBuffer): void {
    other.sole = false
    this.sole = false
    for (const chunk of other.chunks) this.#keep(chunk, false)
  }

  /** What waits may wait long: a little of a read, or of the memory that small buffers share, must not hold all of it. */
  #own(chunk: Buffer): Buffer {
    const { length } = chunk
    if (length >= BLOCK || length * 8 >= chunk.buffer.byteLength) return chunk
    const copy = ownCopy(chunk)
    if (this.sole) ReadSlab.of(chunk)?.done(length)
    return copy
  }

  /** A peer that sends its bytes one by one must not have a buffer held for each: that is a hundred times what limits count. */
  #keep(chunk: Buffer, alone: boolean): void {
    const { chunks } = this
    const { length } = chunk
    this.length += length
    if (chunks.length === 0 || length >= SMALL) {
      chunks.push(alone ? this.#own(chunk) : chunk)
      return
    }
    const last = chunks.length - 1
    const before = chunks[last]
    let block = this.#block
    const used = before.length
    if (block === undefined || before !== this.#gathered || used + length > BLOCK) {
      if (used >= SMALL) {
        chunks.push(alone ? this.#own(chunk) : chunk)
        return
      }
      block = Buffer.allocUnsafeSlow(BLOCK)
      block.set(before)
      this.#block = block
    }
    block.set(chunk, used)
    if (this.sole) ReadSlab.of(chunk)?.done(length)
    chunks[last] = this.#gathered = block.subarray(0, used + length)
  }

  /** Copies the first `size` bytes into `target` and drops them here. */
  moveTo(target: Buffer, start: number, size: number): void {
    let left = size
    let at = start
    for (const chunk of this.chunks) {
      const part = chunk.length <= left ? chunk : chunk.subarray(0, left)
      target.set(part, at)
      if (this.sole) ReadSlab.of(chunk)?.done(part.length)
      at += part.length
      left -= part.length
      if (left === 0) break
    }
    this.drain(size)
  }

  /** Drops the first `size` bytes, or all when there are fewer. */
  drain(size: number): void {
    if (size >= this.length) {
      this.clear()
      return
    }
    let left = size
    let whole = 0
    while (left > 0 && this.chunks[whole].length <= left) left -= this.chunks[whole++].length
    if (whole > 0) this.chunks.splice(0, whole)
    if (left > 0) this.chunks[0] = this.chunks[0].subarray(left)
    this.length -= size
  }

  clear(): void {
    // Setting the length is a call into the engine.
    if (this.chunks.length === 1) this.chunks.pop()
    else this.chunks.length = 0
    this.length = 0
  }

  /** Replaces the whole content. */
  replace(chunk: Buffer): void {
    this.clear()
    this.add(chunk)
  }

  /** All bytes as one buffer, which then stands in place of the list. */
  linearize(): Buffer {
    if (this.chunks.length === 0) return EMPTY
    if (this.chunks.length > 1) {
      const all = Buffer.concat(this.chunks, this.length)
      this.chunks.length = 1
      this.chunks[0] = all
    }
    return this.chunks[0]
  }

  /** Copies up to `size` bytes from offset `start` into `target`; returns how many there were. */
  copyTo(target: Uint8Array, targetStart: number, start: number, size: number): number {
    let skip = start
    let done = 0
    for (const chunk of this.chunks) {
      if (done === size) break
      if (skip >= chunk.length) {
        skip -= chunk.length
        continue
      }
      const part = Math.min(size - done, chunk.length - skip)
      target.set(chunk.subarray(skip, skip + part), targetStart + done)
      done += part
      skip = 0
    }
    return done
  }
}

const EMPTY = Buffer.alloc(0)
