import { Socket } from 'node:net'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { ReadSlab } from '../../base/read-slab.ts'
import { type Flushable, flushAtEndOfTurn } from '../network/end-of-turn.ts'
import { FRAME_HEADER, FrameType } from './frame.ts'
import type { BlockTarget } from './hpack/encoder.ts'

/** Up to this many body bytes are copied behind the head of their frame; more go out as they are, by writev. */
const COPY_LIMIT = 4 * 1024

/** More than this is not gathered: the socket should say soon that it takes no more. */
const GATHERED = 512 * 1024

const SCRATCH = 64 * 1024

/** From this size on bytes go out in the buffer that they were written into, not in a copy. */
const HANDED_OVER = 16 * 1024

/** Connections write into one of these while they have something to write, so that idle ones hold none. */
const free: Buffer[] = []
const MAX_FREE = 64

/** Sockets call it when they have written the buffer. */
const givesBack = new WeakMap<Buffer, () => void>()

function takeScratch(): Buffer {
  const known = free.pop()
  if (known !== undefined) return known
  const scratch = Buffer.allocUnsafeSlow(SCRATCH)
  givesBack.set(scratch, () => giveBack(scratch))
  return scratch
}

function giveBack(scratch: Buffer): void {
  if (free.length < MAX_FREE) free.push(scratch)
}

const NOTHING = Buffer.alloc(0)

/** Who writes, and is told that it should stop for a while. */
export interface OutputOwner {
  /** The peer takes less than it is given; the socket's `drain` event ends that. */
  onOutputBlocked(): void
}

/** Writing frames to a socket, with one system call per turn. */
export class Http2Output implements Flushable, BlockTarget {
  readonly #socket: Socket
  readonly #owner: OutputOwner
  buffer: Buffer = NOTHING
  at = 0
  /** In front of what is in `buffer`, and whom to tell when each part has been written. */
  #sealed: Buffer[] = []
  #written: ((() => void) | undefined)[] = []
  #sealedBytes = 0
  /** What this socket has written it no longer holds: not so for one behind network filters. */
  readonly #direct: boolean
  #scheduled = false
  blocked = false
  /** Frames that the socket has not taken yet, and how many of them only answer or control. */
  frames = 0
  controlFrames = 0

  constructor(socket: Socket, owner: OutputOwner) {
    this.#socket = socket
    this.#owner = owner
    this.#direct = socket instanceof Socket
  }

  need(size: number): void {
    if (this.at + size <= this.buffer.length) return
    if (this.buffer.length === 0) {
      this.buffer = takeScratch()
      if (size <= SCRATCH) return
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + size))
    larger.set(this.buffer.subarray(0, this.at))
    this.#release()
    this.buffer = larger
  }

  /**
   * As `need`, for a frame that begins and fits into a new buffer: what was written before goes its way. Growing would copy it again
   * and again, and leave garbage of several times its size.
   */
  #room(size: number): void {
    if (this.at + size > this.buffer.length && this.at > 0) {
      this.#seal()
      this.#release()
      if (this.#sealedBytes >= GATHERED) this.#writeSealed()
    }
    this.need(size)
  }

  /** The head of a frame; there must be room for it and what follows. */
  head(length: number, type: number, flags: number, stream: number): void {
    this.headAt(this.at, length, type, flags, stream)
    this.at += FRAME_HEADER
  }

  headAt(at: number, length: number, type: number, flags: number, stream: number): void {
    const bytes = this.buffer
    bytes[at] = length >>> 16
    bytes[at + 1] = length >>> 8
    bytes[at + 2] = length
    bytes[at + 3] = type
    bytes[at + 4] = flags
    bytes[at + 5] = stream >>> 24
    bytes[at + 6] = stream >>> 16
    bytes[at + 7] = stream >>> 8
    bytes[at + 8] = stream
    this.frames++
    if (!this.#scheduled) {
      this.#scheduled = true
      flushAtEndOfTurn(this)
    }
  }

  /** A frame of which the whole payload is one or two numbers. */
  control(type: number, flags: number, stream: number, first?: number, second?: number): void {
    this.need(FRAME_HEADER + 8)
    this.head(first === undefined ? 0 : second === undefined ? 4 : 8, type, flags, stream)
    if (first !== undefined) this.uint32(first)
    if (second !== undefined) this.uint32(second)
  }

  uint32(value: number): void {
    const bytes = this.buffer
    bytes[this.at++] = value >>> 24
    bytes[this.at++] = value >>> 16
    bytes[this.at++] = value >>> 8
    bytes[this.at++] = value
  }

  bytes(bytes: Uint8Array): void {
    this.need(bytes.length)
    this.buffer.set(bytes, this.at)
    this.at += bytes.length
  }

  /** A DATA frame with the first `size` bytes of `body`, which lose them. */
  data(stream: number, flags: number, body: BodyBuffer, size: number): void {
    this.#room(FRAME_HEADER + (size <= COPY_LIMIT ? size : 0))
    this.head(size, FrameType.Data, flags, stream)
    if (size <= COPY_LIMIT) {
      body.moveTo(this.buffer, this.at, size)
      this.at += size
      return
    }
    this.#seal()
    const sole = body.sole && this.#direct
    let left = size
    for (const chunk of body.chunks) {
      const part = chunk.length <= left ? chunk : chunk.subarray(0, left)
      const slab = sole ? ReadSlab.of(part) : undefined
      slab?.writing(part.length)
      this.#sealed.push(part)
      this.#written.push(slab?.written)
      left -= part.length
      if (left === 0) break
    }
    body.drain(size)
    this.#sealedBytes += size
    if (this.#sealedBytes >= GATHERED) this.#writeSealed()
  }

  flush(): void {
    this.#scheduled = false
    const socket = this.#socket
    if (this.#sealed.length === 0) {
      if (this.at === 0) return
      if (this.at < HANDED_OVER) {
        const message = this.#take()
        this.#release()
        this.#wrote(socket.write(message))
        return
      }
    }
    this.#seal()
    this.#release()
    this.#writeSealed()
  }

  #writeSealed(): void {
    const socket = this.#socket
    const parts = this.#sealed
    const written = this.#written
    this.#sealed = []
    this.#written = []
    this.#sealedBytes = 0
    socket.cork()
    let room = true
    for (let i = 0; i < parts.length; i++) room = socket.write(parts[i], written[i])
    socket.uncork()
    this.#wrote(room)
  }

  /** The socket has taken everything. */
  drained(): void {
    this.blocked = false
    this.frames = 0
    this.controlFrames = 0
  }

  #wrote(room: boolean): void {
    // More than the stream's high-water mark is not too much where the kernel has taken all of it at once.
    if (this.#socket.writableLength === 0) {
      this.frames = 0
      this.controlFrames = 0
      return
    }
    if (room || this.blocked) return
    this.blocked = true
    this.#owner.onOutputBlocked()
  }

  #take(): Buffer {
    const message = Buffer.allocUnsafe(this.at)
    message.set(this.buffer.subarray(0, this.at))
    this.at = 0
    return message
  }

  #seal(): void {
    if (this.at === 0) return
    this.#sealedBytes += this.at
    if (this.at < HANDED_OVER) {
      this.#sealed.push(this.#take())
      this.#written.push(undefined)
      return
    }
    this.#sealed.push(this.buffer.subarray(0, this.at))
    this.#written.push(this.#direct ? givesBack.get(this.buffer) : undefined)
    this.buffer = NOTHING
    this.at = 0
  }

  #release(): void {
    if (this.buffer.length === SCRATCH) giveBack(this.buffer)
    this.buffer = NOTHING
  }
}
