/** Protobuf's wire format, reading only: varints, fixed 64 and 32, length-delimited. */
export class WireReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#at >= this.#bytes.length) throw new RangeError('protobuf: truncated varint')
      const byte = this.#bytes[this.#at++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new RangeError('protobuf: varint longer than ten bytes')
  }

  /** Two's complement in 64 bits, as negative int32 and int64 are sent. */
  signed(): number {
    return Number(BigInt.asIntN(64, this.varint()))
  }

  double(): number {
    this.#need(8)
    const value = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return value
  }

  bytes(): Uint8Array {
    const length = Number(this.varint())
    this.#need(length)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint()
    else if (wireType === 2) this.bytes()
    else if (wireType === 1 || wireType === 5) {
      const length = wireType === 1 ? 8 : 4
      this.#need(length)
      this.#at += length
    } else throw new RangeError(`protobuf: wire type ${wireType} is not supported`)
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) throw new RangeError('protobuf: truncated field')
  }
}
