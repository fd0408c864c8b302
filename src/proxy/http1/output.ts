// The global of this name is looked up at each use, by a call: it is an accessor.
import { Buffer } from 'node:buffer'
import { Socket } from 'node:net'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { ReadSlab } from '../../base/read-slab.ts'
import { DirectSocket } from '../network/direct-socket.ts'
import { type Flushable, flushAtEndOfTurn } from '../network/end-of-turn.ts'

/** Up to this many body bytes are copied behind the head; more go out as they are, by writev. */
const COPY_LIMIT = 16 * 1024

/** More than this does not wait for the end of the turn: the socket should say soon that it takes no more. */
const GATHERED = 32 * 1024

/** Who writes, and is told that it should stop for a while. */
export interface OutputOwner {
  /** The peer takes less than it is given; the socket's `drain` event ends that. */
  onOutputBlocked(): void
}

/** Writing to a socket: one system call for all messages of a turn, or as few as their size allows. */
export class Output implements Flushable {
  readonly #socket: Socket
  readonly #owner: OutputOwner
  readonly #limit: number
  #text = ''
  #chunks: Buffer[] = []
  #length = 0
  #scheduled = false
  /** Nobody else holds anything of the chunks. */
  #sole = true
  /** What this socket has written it no longer holds: not so for one behind network filters. */
  readonly #direct: boolean
  blocked = false
  /** Of the message that begins nothing has been written yet; for the owner to set. */
  unsent = false

  /** `limit`: so much may wait for the peer. Less than its own high-water mark, of 64 KiB, a stream does not tell. */
  constructor(socket: Socket, owner: OutputOwner, limit = 0) {
    this.#socket = socket
    this.#owner = owner
    this.#limit = limit
    this.#direct = socket instanceof Socket
  }

  /** Latin1 text: heads. */
  text(text: string): void {
    this.#append(text)
    this.#schedule()
  }

  body(data: BodyBuffer): void {
    this.#take(data)
    this.#schedule()
  }

  /** A part of a body as a chunk, and the last chunk behind it at the end (RFC 9112 7.1). */
  chunk(data: BodyBuffer, end: boolean): void {
    if (data.length > 0) {
      this.#append(`${data.length.toString(16)}\r\n`)
      this.#take(data)
      this.#append(end ? '\r\n0\r\n\r\n' : '\r\n')
    } else if (end) this.#append('0\r\n\r\n')
    this.#schedule()
  }

  #append(text: string): void {
    if (this.#chunks.length === 0) this.#text += text
    else {
      const bytes = Buffer.from(text, 'latin1')
      this.#chunks.push(bytes)
      this.#length += bytes.length
    }
  }

  #take(data: BodyBuffer): void {
    if (!data.sole) this.#sole = false
    for (const chunk of data.chunks) this.#chunks.push(chunk)
    this.#length += data.length
    data.clear()
  }

  flush(): void {
    this.#scheduled = false
    const text = this.#text
    const chunks = this.#chunks
    const socket = this.#socket
    if (chunks.length === 0) {
      if (text === '') return
      this.#text = ''
      this.unsent = false
      this.#send(text)
      return
    }
    const length = this.#length
    const sole = this.#sole && this.#direct
    this.#sole = true
    this.#text = ''
    this.#length = 0
    this.unsent = false
    if (length <= COPY_LIMIT) {
      const message = Buffer.allocUnsafe(text.length + length)
      let at = text === '' ? 0 : message.latin1Write(text, 0)
      for (const chunk of chunks) {
        message.set(chunk, at)
        at += chunk.length
        if (sole) ReadSlab.of(chunk)?.done(chunk.length)
      }
      for (let n = chunks.length; n > 0; n--) chunks.pop()
      this.#send(message)
      return
    }
    this.#chunks = []
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

  #send(data: string | Buffer): void {
    const socket = this.#socket
    if (!(socket instanceof DirectSocket)) this.#wrote(socket.write(data as string, 'latin1'))
    else if (!socket.send(data) && socket.unsent > this.#limit) this.#block()
  }

  #write(chunk: Buffer, sole: boolean): boolean {
    const slab = sole ? ReadSlab.of(chunk) : undefined
    if (slab === undefined) return this.#socket.write(chunk)
    slab.writing(chunk.length)
    return this.#socket.write(chunk, slab.written)
  }

  #wrote(room: boolean): void {
    if (room) return
    const socket = this.#socket
    // More than the stream's high-water mark is not too much where the kernel has taken all of it at once.
    const waiting = socket instanceof DirectSocket ? socket.unsent : socket.writableLength
    if (waiting > this.#limit) this.#block()
  }

  #block(): void {
    if (this.blocked) return
    this.blocked = true
    this.#owner.onOutputBlocked()
  }

  #schedule(): void {
    if (this.#length + this.#text.length > GATHERED) this.flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      flushAtEndOfTurn(this)
    }
  }
}
