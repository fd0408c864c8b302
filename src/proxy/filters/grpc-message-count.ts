import type { BodyBuffer } from '../../base/body-buffer.ts'

/** A flag and four bytes of length stand in front of each message (gRPC over HTTP/2, Length-Prefixed-Message). */
const PREFIX = 5

/** Counts the messages of one direction as they begin, however the bytes are cut. */
export class GrpcMessageCount {
  value = 0
  #prefix = 0
  #length = 0
  /** What is still to come of the message under way. */
  #rest = 0

  read({ chunks }: BodyBuffer): void {
    for (let i = 0; i < chunks.length; i++) this.#read(chunks[i])
  }

  #read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const skipped = Math.min(this.#rest, chunk.length - at)
        this.#rest -= skipped
        at += skipped
        continue
      }
      if (this.#prefix > 0) this.#length = this.#length * 256 + chunk[at]
      at++
      if (++this.#prefix < PREFIX) continue
      this.value++
      this.#rest = this.#length
      this.#prefix = 0
      this.#length = 0
    }
  }
}
