/**
 * Sockets that hand what they read to one receiver, from a buffer that all of them share (`onread` of node:net). Past the stream
 * machinery and without 64 KiB allocated for each read, a read costs half of what a `data` event costs.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { ReadSlab } from '../../base/read-slab.ts'

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
let waiting = 0

class DirectReads {
  sink: ReadSink | undefined
  socket: Socket | undefined
  #slab: ReadSlab | undefined
  #own: Buffer | undefined
  #last = 0
  #watched = false

  /** The buffer for the next read; called before the first and after each. */
  next(): Uint8Array {
    const { sink } = this
    if (this.#last < FLOWING || sink?.wantsOwnBuffer !== true || waiting >= MAX_WAITING) return shared
    // Another buffer would spare no copy.
    if (sink.currentRead?.small === true) return shared
    waiting++
    this.#watch()
    this.#slab = sink.currentRead?.recycles === true ? ReadSlab.take() : undefined
    if (this.#slab !== undefined) return this.#slab.buffer
    this.#own = Buffer.allocUnsafeSlow(SIZE)
    return this.#own
  }

  read(length: number, buffer: Uint8Array): boolean {
    this.#last = length
    const chunk = (buffer as Buffer).subarray(0, length)
    const slab = this.#slab
    if (slab !== undefined) {
      this.#slab = undefined
      waiting--
      if (length >= FLOWING) {
        slab.filled(length)
        this.sink?.onRead(chunk, true)
      } else {
        // Who held a few bytes would hold all of the slab.
        this.sink?.onRead(chunk, false)
        slab.release()
      }
    } else if (this.#own !== undefined) {
      this.#own = undefined
      waiting--
      // Who held a few bytes would hold all of the buffer.
      this.sink?.onRead(chunk, length >= FLOWING)
    } else this.sink?.onRead(chunk, false)
    return true
  }

  /** A connection that ends while a buffer waits for it. */
  #watch(): void {
    if (this.#watched) return
    this.#watched = true
    this.socket?.once('close', () => {
      if (this.#slab === undefined && this.#own === undefined) return
      waiting--
      this.#slab?.release()
      this.#slab = undefined
      this.#own = undefined
    })
  }
}

/** For looking at several bytes at a time of what was read into the buffer that sockets share, as nearly all heads are. */
export function sharedView(bytes: Buffer): DataView | undefined {
  return bytes.buffer === shared.buffer && bytes.byteOffset === 0 ? view : undefined
}

/** Found by its class: to enter each socket in a WeakMap took 0.8 us of a connection's 110. */
class DirectSocket extends Socket {
  readonly reads: DirectReads

  constructor(options: SocketConstructorOpts) {
    // It is asked for a buffer before it is made.
    const reads = new DirectReads()
    super({
      ...options,
      onread: { buffer: () => reads.next(), callback: (length, buffer) => reads.read(length, buffer) },
    })
    reads.socket = this
    this.reads = reads
  }
}

/** A socket with direct reads: to connect with or, given a handle, of an accepted connection, which may be half open. */
export function directSocket(handle?: unknown): Socket {
  if (handle === undefined) return new DirectSocket({ allowHalfOpen: false })
  return new DirectSocket({ handle: handle as NonNullable<SocketConstructorOpts['handle']>, allowHalfOpen: true })
}

/** Sends what `socket` reads to `sink`: directly where it can, else by its `data` events. Returns how to end that. */
export function readInto(socket: Socket, sink: ReadSink): () => void {
  if (socket instanceof DirectSocket) {
    const { reads } = socket
    reads.sink = sink
    return () => {
      if (reads.sink === sink) reads.sink = undefined
    }
  }
  const onData = (chunk: Buffer) => sink.onRead(chunk, true)
  socket.on('data', onData)
  return () => socket.off('data', onData)
}
