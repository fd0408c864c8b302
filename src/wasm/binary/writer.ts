/** Up to here a loop is faster than a view and a call, and leaves nothing for the collector. */
const SHORT = 48

/** Grows a byte array from front to back. */
export class Writer {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Starts again in the room that is there; a view of before is no longer good. */
  clear(): void {
    this.#length = 0
  }

  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  s32(value: number): void {
    let rest = value | 0
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) {
        this.byte(low)
        return
      }
      this.byte(low | 0x80)
    }
  }

  bytes(source: Uint8Array, start = 0, end = source.length): void {
    this.#room(end - start)
    if (end - start > SHORT) {
      this.#bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.#length)
    } else {
      for (let from = start, to = this.#length; from < end; ) this.#bytes[to++] = source[from++]
    }
    this.#length += end - start
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.u32(bytes.length)
    this.bytes(bytes)
  }

  /** Writes `id`, the size of `body`, and `body`. */
  section(id: number, body: Writer): void {
    this.byte(id)
    this.u32(body.length)
    this.bytes(body.view())
  }

  /** Writes what `write` does, with its size in front. */
  sized(write: (body: Writer) => void): void {
    const body = new Writer(64)
    write(body)
    this.u32(body.length)
    this.bytes(body.view())
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(more: number): void {
    const need = this.#length + more
    if (need <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
