import { Socket, type SocketConstructorOpts } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { ReadSlab } from '../../base/read-slab.ts'
import {
  direct,
  handleOf,
  type ReadHandler,
  readLength,
  type StreamHandle,
  type WriteRequest,
  writeIsPending,
  writeRequest,
} from './stream-handle.ts'

/** Takes what a socket reads. */
export interface ReadSink {
  /** Unless `owned`, the bytes are only there during the call. */
  onRead(chunk: Buffer, owned: boolean): void
  /** More of a body is to come than a shared buffer holds: it is read into a buffer that need not be copied from. */
  readonly wantsOwnBuffer: boolean
  /** Whose bodies have only one holder can be read into a slab. */
  readonly currentRead?: { readonly recycles: boolean; readonly small: boolean }
}

/** As much as libuv suggests for one read. */
const SIZE = 64 * 1024
/** A connection that had more than this with its last read is in the middle of a transfer, not waiting for a slow peer. */
const FLOWING = SIZE / 2
/** So many connections may have a buffer of their own waiting for them, so that many stalled ones do not hold much. */
const MAX_WAITING = 64

const shared = Buffer.allocUnsafeSlow(SIZE)
const view = new DataView(shared.buffer)
/** What was read into it last. */
let current: Buffer | undefined
let waiting = 0

/** For looking at several bytes at a time of what was read into the buffer that sockets share, as nearly all heads are. */
export function sharedView(bytes: Buffer): DataView | undefined {
  return bytes === current ? view : undefined
}

interface DirectHandle extends StreamHandle {
  directSocket?: DirectSocket
}

interface DirectWrite extends WriteRequest {
  directSocket?: DirectSocket
  /** libuv reads from there until the write has ended; nobody else need hold it. */
  data?: string | Uint8Array
}

/** What node:net does with what was read: with the end, and with errors. */
let ordinary: ReadHandler | undefined
/** For the next write. One that the kernel takes whole leaves it as it is. */
let request: DirectWrite | undefined

/**
 * Sockets that hand what they read to one receiver, from a buffer that all of them share, and write past the stream machinery of node:net:
 * without it, and without 64 KiB allocated for each read, a read costs half of what a `data` event costs.
 */
export class DirectSocket extends Socket {
  #handle: DirectHandle | undefined
  #sink: ReadSink | undefined
  #buffer: Buffer = shared
  #slab: ReadSlab | undefined
  #last = 0
  #writing = 0
  /** Of the writes past the stream. */
  #pending = 0

  /** From now on `sink` gets what is read. The socket is connected. */
  readInto(sink: ReadSink): void {
    this.#sink = sink
    if (this.#handle !== undefined) return
    const handle: DirectHandle | undefined = handleOf(this)
    if (handle === undefined) {
      this.on('data', (chunk: Buffer) => this.#sink?.onRead(chunk, true))
      return
    }
    this.#handle = handle
    handle.directSocket = this
    handle.useUserBuffer(shared)
    ordinary ??= handle.onread
    handle.onread = onRead
  }

  endReads(): void {
    this.#sink = undefined
  }

  /** Hands on what a read brought into the present buffer; returns another one for the next, if so. */
  received(length: number): Buffer | undefined {
    this.#last = length
    const buffer = this.#buffer
    const slab = this.#slab
    if (buffer === shared) {
      current = shared.subarray(0, length)
      this.#sink?.onRead(current, false)
    } else {
      waiting--
      this.#slab = undefined
      this.#buffer = shared
      // Who held a few bytes would hold all of the buffer.
      const owned = length >= FLOWING
      if (owned) slab?.filled(length)
      this.#sink?.onRead(buffer.subarray(0, length), owned)
      if (!owned) slab?.release()
    }
    if (this.#last >= FLOWING && !this.destroyed) this.#takeOwnBuffer()
    return this.#buffer === buffer ? undefined : this.#buffer
  }

  #takeOwnBuffer(): void {
    const sink = this.#sink
    if (sink?.wantsOwnBuffer !== true || waiting >= MAX_WAITING) return
    // Another buffer would spare no copy.
    if (sink.currentRead?.small === true) return
    waiting++
    this.#slab = sink.currentRead?.recycles === true ? ReadSlab.take() : undefined
    this.#buffer = this.#slab?.buffer ?? Buffer.allocUnsafeSlow(SIZE)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#buffer !== shared) {
      waiting--
      this.#slab?.release()
      this.#slab = undefined
      this.#buffer = shared
    }
    super._destroy(error, callback)
  }

  override pause(): this {
    const handle = this.#handle
    if (handle?.reading === true && !this.destroyed) {
      handle.reading = false
      handle.readStop()
    }
    return super.pause()
  }

  override resume(): this {
    const handle = this.#handle
    if (handle?.reading === false && !this.destroyed) {
      handle.reading = true
      handle.readStart()
    }
    return super.resume()
  }

  /** Latin1 text or bytes, which are held until they are written. False: the kernel did not take all, wait for `drain`. */
  send(data: string | Uint8Array): boolean {
    const handle = this.#handle
    // What waits in the stream is older.
    if (handle === undefined || this.destroyed || this.writableEnded || this.writableLength > 0)
      return this.write(data as string, 'latin1') || this.writableLength === 0
    request ??= writeRequest() as DirectWrite
    const error = typeof data === 'string' ? handle.writeLatin1String(request, data) : handle.writeBuffer(request, data)
    if (error !== 0) {
      request = undefined
      this.#failed(error)
      return true
    }
    if (!writeIsPending()) return true
    this.#writing++
    this.#pending += data.length
    request.directSocket = this
    request.data = data
    request.oncomplete = onWritten
    request = undefined
    return false
  }

  /** The kernel has all that was to be sent. */
  get allSent(): boolean {
    return this.#writing === 0 && this.writableLength === 0
  }

  /** How much the kernel may not have taken yet. */
  get unsent(): number {
    return this.#pending + this.writableLength
  }

  /** A write of `length` bytes that did not go out at once has. */
  written(status: number, length: number): void {
    this.#writing--
    this.#pending -= length
    if (this.destroyed) return
    if (status < 0) this.#failed(status)
    else if (this.#writing === 0) this.emit('drain')
  }

  #failed(status: number): void {
    this.destroy(new Error(`write ${getSystemErrorName(status)}`))
  }
}

// One function for all sockets: see RATIONALE.md, "Why do connections keep no literals?".

function onRead(this: DirectHandle, buffer: ArrayBuffer | undefined): Uint8Array | undefined {
  const length = readLength()
  const socket = this.directSocket as DirectSocket
  return length > 0 && !socket.destroyed ? socket.received(length) : ordinary?.call(this, buffer)
}

function onWritten(this: DirectWrite, status: number): void {
  this.directSocket?.written(status, this.data?.length ?? 0)
}

/** node:net's own listener does nothing for a socket that may be half open, and a second one beside it costs each connection an array. */
const ownEnd = new Socket({ allowHalfOpen: true })
  .listeners('end')
  .find(({ name }) => name === 'onReadableStreamEnd') as (() => void) | undefined

/** A socket with direct reads and writes: to connect with or, given a handle, of an accepted connection, which may be half open. */
export function directSocket(handle?: unknown): Socket {
  const options = { allowHalfOpen: handle !== undefined, handle } as SocketConstructorOpts
  const socket = direct ? new DirectSocket(options) : new Socket(options)
  if (handle !== undefined && ownEnd !== undefined) socket.off('end', ownEnd)
  return socket
}

/** Sends what `socket` reads to `sink`: directly where it can, else by its `data` events. */
export function readInto(socket: Socket, sink: ReadSink): void {
  if (socket instanceof DirectSocket) socket.readInto(sink)
  else socket.on('data', (chunk: Buffer) => sink.onRead(chunk, true))
}

/** The end of that. What is read is nobody's, unless somebody else takes it. */
export function endReads(socket: Socket): void {
  if (socket instanceof DirectSocket) socket.endReads()
  else socket.removeAllListeners('data')
}
