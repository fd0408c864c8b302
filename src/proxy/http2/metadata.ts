/**
 * METADATA, Envoy's own frame: a map of strings that accompanies a message, as an HPACK block without a memory of earlier ones, over
 * one frame or several, of which the last has END_METADATA.
 */
import type { MetadataMap } from '../metadata-map.ts'
import { ErrorCode, Http2Error } from './error-code.ts'
import { Flag, FRAME_HEADER, FrameType } from './frame.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import type { Field } from './hpack/decoder-table.ts'
import { writeInteger, writeString } from './hpack/encoder-names.ts'
import { DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD } from './hpack/static-table.ts'
import type { Http2Output } from './output.ts'

/** For one direction of a stream, from its first frame to its last: Envoy's bound. No window holds METADATA back. */
const MAX_METADATA = 1 << 20

/** What a stream's peer has sent. Frames and entries count with an overhead, since small ones cost us more than their bytes. */
export class MetadataReceiver {
  #map = new Map<string, string>()
  #fragments: Buffer[] = []
  #pending = 0
  #size = 0

  /** Takes a frame; the map when it is complete. */
  receive(endMetadata: boolean, bytes: Buffer, start: number, end: number): MetadataMap | undefined {
    this.#charge(ENTRY_OVERHEAD, end - start)
    if (!endMetadata) {
      this.#pending += end - start
      this.#fragments.push(Buffer.from(bytes.subarray(start, end)))
      return undefined
    }
    if (this.#pending === 0) this.#decode(bytes, start, end)
    else {
      const block = Buffer.concat([...this.#fragments, bytes.subarray(start, end)])
      this.#fragments = []
      this.#pending = 0
      this.#decode(block, 0, block.length)
    }
    const map = this.#map
    this.#map = new Map()
    return map
  }

  /** FieldSink: any name and value may stand in a map, since it is no header section. */
  onField({ name: { name }, value }: Field): void {
    this.#charge(name.length + value.length + ENTRY_OVERHEAD, 0)
    if (!this.#map.has(name)) this.#map.set(name, value)
  }

  #decode(bytes: Buffer, start: number, end: number): void {
    new HpackDecoder(DEFAULT_TABLE_SIZE).decode(bytes, start, end, this)
  }

  #charge(size: number, undecoded: number): void {
    this.#size += size
    if (this.#size + this.#pending + undecoded > MAX_METADATA)
      throw new Http2Error(ErrorCode.EnhanceYourCalm, 'too much METADATA on a stream')
  }
}

/** Writes a block that stays out of the tables of both ends, as Envoy does. */
export function writeMetadata(map: MetadataMap, stream: number, maxFrameSize: number, output: Http2Output): void {
  let room = 0
  for (const [name, value] of map) room += name.length + value.length + 16
  const block = Buffer.allocUnsafe(room)
  let size = 0
  for (const [name, value] of map) {
    size = writeInteger(0, 0x10, 0x0f, block, size)
    size = writeString(name, block, size)
    size = writeString(value, block, size)
  }
  for (let at = 0; at < size; at += maxFrameSize) {
    const end = Math.min(size, at + maxFrameSize)
    output.need(FRAME_HEADER)
    output.head(end - at, FrameType.Metadata, end === size ? Flag.EndMetadata : 0, stream)
    output.bytes(block.subarray(at, end))
  }
}
