/** Writing to a socket with one system call per message, or as few as its size allows. */
import type { Socket } from 'node:net'
import type { BodyBuffer } from '../../base/body-buffer.ts'
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
  blocked = false

  constructor(socket: Socket, owner: OutputOwner) {
    this.#socket = socket
    this.#owner = owner
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
    this.#text = ''
    this.#chunks = []
    this.#length = 0
    if (length <= COPY_LIMIT) {
      const message = Buffer.allocUnsafe(text.length + length)
      let at = text === '' ? 0 : message.latin1Write(text, 0)
      for (const chunk of chunks) {
        message.set(chunk, at)
        at += chunk.length
      }
      this.#wrote(socket.write(message))
      return
    }
    socket.cork()
    let room = true
    if (text !== '') room = socket.write(text, 'latin1')
    for (const chunk of chunks) room = socket.write(chunk)
    socket.uncork()
    this.#wrote(room)
  }

  #wrote(room: boolean): void {
    if (room || this.blocked) return
    this.blocked = true
    this.#owner.onOutputBlocked()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    flushSoon(this)
  }
}
