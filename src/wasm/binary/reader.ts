import { SluiceError } from '../../errors.ts'

/** Reads a WebAssembly binary front to back; every read is checked against the end and LEB128 numbers against their width. */
export class Reader {
  readonly bytes: Uint8Array
  pos: number
  readonly end: number

  constructor(bytes: Uint8Array, pos = 0, end = bytes.length) {
    this.bytes = bytes
    this.pos = pos
    this.end = end
  }

  get done(): boolean {
    return this.pos >= this.end
  }

  byte(): number {
    if (this.pos >= this.end) this.fail('unexpected end')
    return this.bytes[this.pos++]
  }

  /** An unsigned LEB128 of at most 32 bits (WebAssembly core 5.2.2). */
  u32(): number {
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      if (shift === 28 && byte > 0x0f) this.fail('number out of range')
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) return result >>> 0
    }
    return this.fail('number too long')
  }

  /** Skips a signed or unsigned LEB128 of at most `bits` bits. */
  skipLeb(bits: number): void {
    for (let n = Math.ceil(bits / 7); n > 0; n--) if (this.byte() < 0x80) return
    this.fail('number too long')
  }

  skip(length: number): void {
    if (length > this.end - this.pos) this.fail('unexpected end')
    this.pos += length
  }

  slice(length: number): Uint8Array {
    const start = this.pos
    this.skip(length)
    return this.bytes.subarray(start, this.pos)
  }

  name(): string {
    return new TextDecoder().decode(this.slice(this.u32()))
  }

  fail(what: string): never {
    throw new SluiceError('SL4001', `${what} at byte ${this.pos}`)
  }
}
