/**
 * What node:net has behind a socket: libuv's stream, with the state that its calls leave in memory that C++ and JavaScript share. Node
 * documents neither; where it should ever lack them, sockets are read and written through node:net alone.
 */

/** A socket's stream of libuv. */
export interface StreamHandle {
  /** Whether node:net has started reading. */
  reading: boolean
  onread: ReadHandler
  /** The buffer for the next reads. */
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  writeLatin1String(request: WriteRequest, text: string): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
}

/** Called with what a read brought (`readLength`); what it returns, unless undefined, is the buffer for the next reads. */
export type ReadHandler = (this: StreamHandle, buffer: ArrayBuffer | undefined) => Uint8Array | undefined

/** One write. Only of one that the kernel did not take whole is there ever an end, with an error number below 0 if it failed. */
export interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void
}

interface StreamBinding {
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
  readonly WriteWrap: new () => WriteRequest
}

const binding = find()

/** False: this Node has not got what is needed. */
export const direct = binding !== undefined

/** What the present call of a `ReadHandler` is about: bytes, or below 0 the end or an error. */
export function readLength(): number {
  return (binding as StreamBinding).streamBaseState[(binding as StreamBinding).kReadBytesOrError]
}

/** Whether the kernel did not take all of the last write at once, so that its request will complete. */
export function writeIsPending(): boolean {
  return (binding as StreamBinding).streamBaseState[(binding as StreamBinding).kLastWriteWasAsync] !== 0
}

/** A request object of libuv for one write. */
export function writeRequest(): WriteRequest {
  return new (binding as StreamBinding).WriteWrap()
}

/** The handle of a connected socket. */
export function handleOf(socket: object): StreamHandle | undefined {
  const handle = (socket as { _handle?: Partial<StreamHandle> })._handle
  const complete = handle?.useUserBuffer && handle.writeLatin1String && handle.writeBuffer && handle.onread
  return complete === undefined ? undefined : (handle as StreamHandle)
}

function find(): StreamBinding | undefined {
  try {
    const found = (process as unknown as { binding(name: string): Partial<StreamBinding> }).binding('stream_wrap')
    const { streamBaseState, kReadBytesOrError, kLastWriteWasAsync, WriteWrap } = found
    if (!streamBaseState || !WriteWrap || kReadBytesOrError === undefined || kLastWriteWasAsync === undefined) return
    return { streamBaseState, kReadBytesOrError, kLastWriteWasAsync, WriteWrap }
  } catch {
    return undefined
  }
}
