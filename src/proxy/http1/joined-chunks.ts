const NOTHING = Buffer.alloc(0)

/**
 * What the chunks in one read hold, side by side: filters see one piece, as behind Envoy's codec, and it is written as one. Where the memory
 * of the read may be written to, the framing between two chunks is closed by moving the shorter side, else they are copied together.
 */
export class JoinedChunks {
  buffer: Buffer = NOTHING
  start = 0
  end = 0

  add(read: Buffer, start: number, end: number, writable: boolean): void {
    const held = this.end - this.start
    const size = end - start
    if (held === 0) {
      this.buffer = read
      this.start = start
      this.end = end
    } else if (!writable) {
      if (this.buffer === read) {
        const room = Buffer.allocUnsafe(held + read.length - start)
        read.copy(room, 0, this.start, this.end)
        this.buffer = room
        this.start = 0
        this.end = held
      }
      read.copy(this.buffer, this.end, start, end)
      this.end += size
    } else if (size <= held) {
      read.copyWithin(this.end, start, end)
      this.end += size
    } else {
      read.copyWithin(start - held, this.start, this.end)
      this.start = start - held
      this.end = end
    }
  }

  clear(): void {
    this.buffer = NOTHING
    this.start = 0
    this.end = 0
  }
}
