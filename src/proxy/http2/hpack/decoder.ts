import { ErrorCode, Http2Error } from '../error-code.ts'
import { DecoderTable, type Field } from './decoder-table.ts'
import { type FieldName, fieldName } from './field-name.ts'
import { huffmanDecode } from './huffman.ts'

/** Takes the fields of a block, in order. */
export interface FieldSink {
  onField(field: Field, neverIndexed: boolean): void
}

/** Larger integers mean nothing in any place where HPACK has them. */
const MAX_INTEGER = 0x0fffffff

/** 1: no place in a value (RFC 9110 5.5: controls but the tab). 2: beyond ASCII. */
const UNSAFE = new Uint8Array(256)
for (let byte = 0; byte < 32; byte++) UNSAFE[byte] = 1
UNSAFE[9] = 0
UNSAFE[127] = 1
UNSAFE.fill(2, 128)

/** Where Huffman strings are unpacked; blocks are limited, so it stays small. */
let scratch = Buffer.allocUnsafeSlow(8192)

/** HPACK decoding (RFC 7541). Whatever it does not allow ends the connection: the tables of both ends would differ from then on. */
export class HpackDecoder {
  readonly #table = new DecoderTable()
  /** What SETTINGS_HEADER_TABLE_SIZE allows, once the peer knows of it. */
  #limit: number
  #bytes!: Buffer
  #at = 0
  #end = 0
  /** Of the string that was read last. */
  #valueValid = true
  #valueAscii = true

  /** `tableSize` is what our SETTINGS say; until they are acknowledged the peer may use the default. */
  constructor(tableSize: number) {
    this.#limit = Math.max(tableSize, this.#table.max)
  }

  /** The peer has acknowledged our SETTINGS. RFC 7541 4.2: a smaller table has to be confirmed in front of the next block. */
  settled(tableSize: number): void {
    this.#limit = tableSize
  }

  /** Decodes one whole block. */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    if (start < end) this.#sizeUpdates()
    while (this.#at < this.#end) {
      const first = bytes[this.#at]
      if (first >= 0x80) sink.onField(this.#indexed(this.#integer(0x7f)), false)
      else if (first >= 0x40) {
        const field = this.#literal(0x3f)
        this.#table.add(field)
        sink.onField(field, false)
      } else if (first >= 0x20) throw failure('table size update inside a block')
      else sink.onField(this.#literal(0x0f), first >= 0x10)
    }
  }

  #sizeUpdates(): void {
    while (this.#at < this.#end && (this.#bytes[this.#at] & 0xe0) === 0x20) {
      const size = this.#integer(0x1f)
      if (size > this.#limit) throw failure('table size above the limit')
      this.#table.resize(size)
    }
    if (this.#table.max > this.#limit) throw failure('table size update is missing')
  }

  #indexed(index: number): Field {
    const field = this.#table.get(index)
    if (field === undefined) throw failure('index out of range')
    return field
  }

  #literal(mask: number): Field {
    const index = this.#integer(mask)
    const name: FieldName = index === 0 ? fieldName(this.#string()) : this.#indexed(index).name
    const value = this.#string()
    return { name, value, valid: this.#valueValid, ascii: this.#valueAscii }
  }

  /** RFC 7541 5.1; the prefix is the part of the first byte under `mask`. */
  #integer(mask: number): number {
    const bytes = this.#bytes
    let value = bytes[this.#at++] & mask
    if (value < mask) return value
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= this.#end) throw failure('block ends in an integer')
      const byte = bytes[this.#at++]
      if (shift > 21) throw failure('integer too large')
      value += (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    if (value > MAX_INTEGER) throw failure('integer too large')
    return value
  }

  /** RFC 7541 5.2. */
  #string(): string {
    if (this.#at >= this.#end) throw failure('block ends where a string should be')
    const huffman = this.#bytes[this.#at] >= 0x80
    const length = this.#integer(0x7f)
    const start = this.#at
    const end = start + length
    if (end > this.#end) throw failure('string longer than its block')
    this.#at = end
    if (!huffman) return this.#text(this.#bytes, start, end)
    if (scratch.length < length * 1.6) scratch = Buffer.allocUnsafeSlow(length * 2)
    const size = huffmanDecode(this.#bytes, start, end, scratch)
    if (size === -1) throw failure('invalid Huffman coding')
    return this.#text(scratch, 0, size)
  }

  #text(bytes: Buffer, start: number, end: number): string {
    this.#valueValid = true
    this.#valueAscii = true
    if (start === end) return ''
    let unsafe = 0
    for (let i = start; i < end; i++) unsafe |= UNSAFE[bytes[i]]
    this.#valueAscii = unsafe < 2
    this.#valueValid = (unsafe & 1) === 0 && !isBlank(bytes[start]) && !isBlank(bytes[end - 1])
    return bytes.latin1Slice(start, end)
  }
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9
}

function failure(message: string): Http2Error {
  return new Http2Error(ErrorCode.CompressionError, message)
}
