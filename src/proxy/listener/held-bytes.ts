/** What was read of a connection and not yet taken. It grows by doubling: joined anew for each piece, a client of single bytes pays with n, and we with n². */
export class HeldBytes {
  /** Of the first piece alone, no copy. */
  #room: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** Good until the next piece. */
  get bytes(): Buffer {
    return this.#room.subarray(this.#start, this.#end)
  }

  add(piece: Buffer): void {
    if (this.length === 0) {
      this.#room = piece
      this.#start = 0
      this.#end = piece.length
      return
    }
    if (this.#end + piece.length > this.#room.length) {
      const length = this.length
      const room = Buffer.allocUnsafe(2 * (length + piece.length))
      this.#room.copy(room, 0, this.#start, this.#end)
      this.#room = room
      this.#start = 0
      this.#end = length
    }
    piece.copy(this.#room, this.#end)
    this.#end += piece.length
  }

  drop(length: number): void {
    this.#start += length
  }
}
