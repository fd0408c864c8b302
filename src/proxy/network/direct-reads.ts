/**
 * Sockets that hand what they read to one receiver, from a buffer that all of them share (`onread` of node:net). Past the stream
 * machinery and without 64 KiB allocated for each read, a read costs half of what a `data` event costs.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'

/** Takes what a socket reads. */
export interface ReadSink {
  /** Unless `owned`, the bytes are only there during the call. */
  onRead(chunk: Buffer, owned: boolean): void
  /** More of a body is to come than a shared buffer holds: it is read into a buffer that need not be copied from. */
  readonly wantsOwnBuffer: boolean
}

/** As much as libuv suggests for one read. */
const SIZE = 64 * 1024

const shared = Buffer.allocUnsafeSlow(SIZE)

class DirectReads {
  sink: ReadSink | undefined
  #own = false

  /** The buffer for the next read; called before the first and after each. */
  next(): Uint8Array {
    const own = this.sink?.wantsOwnBuffer === true
    this.#own = own
    return own ? Buffer.allocUnsafeSlow(SIZE) : shared
  }

  read(length: number, buffer: Uint8Array): boolean {
    this.sink?.onRead((buffer as Buffer).subarray(0, length), this.#own)
    return true
  }
}

const directs = new WeakMap<Socket, DirectReads>()

/** A socket with direct reads: to connect with or, given a handle, of an accepted connection, which may be half open. */
export function directSocket(handle?: unknown): Socket {
  const reads = new DirectReads()
  const socket = new Socket({
    ...(handle === undefined ? {} : { handle: handle as NonNullable<SocketConstructorOpts['handle']> }),
    allowHalfOpen: handle !== undefined,
    onread: { buffer: () => reads.next(), callback: (length, buffer) => reads.read(length, buffer) },
  })
  directs.set(socket, reads)
  return socket
}

/** Sends what `socket` reads to `sink`: directly where it can, else by its `data` events. Returns how to end that. */
export function readInto(socket: Socket, sink: ReadSink): () => void {
  const reads = directs.get(socket)
  if (reads !== undefined) {
    reads.sink = sink
    return () => {
      if (reads.sink === sink) reads.sink = undefined
    }
  }
  const onData = (chunk: Buffer) => sink.onRead(chunk, true)
  socket.on('data', onData)
  return () => socket.off('data', onData)
}
