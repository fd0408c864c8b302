/** Writing to a socket with one system call per message, or as few as its size allows. */
import { Socket } from 'node:net'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { ReadSlab } from '../../base/read-slab.ts'
import { type Batched, flushSoon } from './batch.ts'

/** Up to this many body bytes are copied behind the head; more go out as they are, by writev. */
const COPY_LIMIT = 16 * 1024

export interface OutputOwner {
  /** The peer takes less than it is given; the socket's `drain` event ends that. */
  onOutputBlocked(): void
}

export class Output implements Batched {
  readonly #socket: Socket
  readonly #owner: OutputOwner
  #text = ''
  #chunks: Buffer[] = []
  #length = 0
  #scheduled = false
  /** Nobody else holds anything of the chunks. */
  #sole = true
  /** What this socket has written it no longer holds: not so for one behind network filters. */
  readonly #direct: boolean
  blocked = false

  constructor(socket: Socket, owner: OutputOwner) {
    this.#socket = socket
    this.#owner = owner
    this.#direct = socket instanceof Socket
  }

  /** Latin1 text: heads and chunk framing. */
  text(text: string): void {
    if (this.#chunks.length === 0) this.#text += text
    else {
      const bytes = Buffer.from(text, 'latin1')
      this.#chunks.push(bytes)
      this.#length += bytes.length
    }
    this.#schedule()
  }

  body(data: BodyBuffer): void {
    if (!data.sole) this.#sole = false
    for (const chunk of data.chunks) this.#chunks.push(chunk)
    this.#length += data.length
    data.clear()
    this.#schedule()
  }

  flush(): void {
    this.#scheduled = false
    const text = this.#text
    const chunks = this.#chunks
    const socket = this.#socket
    if (chunks.length === 0) {
      if (text === '') return
      this.#text = ''
      this.#wrote(socket.write(text, 'latin1'))
      return
    }
    const length = this.#length
    const sole = this.#sole && this.#direct
    this.#sole = true
    this.#text = ''
    this.#chunks = []
    this.#length = 0
    if (length <= COPY_LIMIT) {
      const message = Buffer.allocUnsafe(text.length + length)
      let at = text === '' ? 0 : message.latin1Write(text, 0)
      for (const chunk of chunks) {
        message.set(chunk, at)
        at += chunk.length
        if (sole) ReadSlab.of(chunk)?.done(chunk.length)
      }
      this.#wrote(socket.write(message))
      return
    }
    if (chunks.length === 1 && text === '') {
      this.#wrote(this.#write(chunks[0], sole))
      return
    }
    socket.cork()
    let room = true
    if (text !== '') room = socket.write(text, 'latin1')
    for (const chunk of chunks) room = this.#write(chunk, sole)
    socket.uncork()
    this.#wrote(room)
  }

  #write(chunk: Buffer, sole: boolean): boolean {
    const slab = sole ? ReadSlab.of(chunk) : undefined
    if (slab === undefined) return this.#socket.write(chunk)
    slab.writing(chunk.length)
    return this.#socket.write(chunk, slab.written)
  }

  #wrote(room: boolean): void {
    // More than the stream's high-water mark is not too much where the kernel has taken all of it at once.
    if (room || this.blocked || this.#socket.writableLength === 0) return
    this.blocked = true
    this.#owner.onOutputBlocked()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    flushSoon(this)
  }
}
