import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { BodyBuffer } from '../../base/body-buffer.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import type { LiveConfig } from '../filter-chain/slot.ts'
import type { NetworkSlot } from './compile-filters.ts'
import type { ConnectionInfo } from './connection-info.ts'
import {
  type CloseOrigin,
  FilterStatus,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterConfig,
} from './filter.ts'
import { resetSocket } from './reset-socket.ts'

interface Entry {
  readonly live: LiveConfig<NetworkFilterConfig>
  readonly filter: NetworkFilter
  begun: boolean
}

/** A connection with network filters: bytes run through them in order, answers back in reverse. */
export class NetworkConnection {
  readonly socket: Socket
  readonly info: ConnectionInfo
  readonly metadata = new Map<string, Record<string, unknown>>()
  readonly filterState = new Map<string, Uint8Array>()
  readonly upstream = { host: '', localAddress: '', cluster: '' }
  readonly #entries: Entry[] = []
  readonly #limit: number
  readonly #closedCallback: () => void
  readonly #drainCallbacks: (() => void)[] = []
  /** Read and not yet taken by the chain. */
  readonly #buffer = new BodyBuffer()
  #stopped = -1
  #ended = false
  /** Why nothing is read: filters that asked for that, too much that one of them left, or a codec that takes no more. */
  #pauses = 0
  #overLimit = false
  #tailFull = false
  #closed = false
  #closing: CloseOrigin = 'downstream'
  #tail: TailSocket | undefined
  #counters: { readonly read: Cell; readonly written: Cell } | undefined
  bytesRead = 0
  peerReset = false

  constructor(socket: Socket, info: ConnectionInfo, slots: readonly NetworkSlot[], limit: number, closed: () => void) {
    this.socket = socket
    this.info = info
    this.#limit = limit
    this.#closedCallback = closed
    for (const slot of slots) {
      const live = slot.current
      if (live === undefined) continue
      const filter = live.config.createFilter(new Callbacks(this, this.#entries.length))
      if (filter === undefined) continue
      live.hold()
      this.#entries.push({ live, filter, begun: false })
    }
  }

  /** The end of the chain as a socket, for a codec. */
  asSocket(): Socket {
    this.#tail = new TailSocket(this)
    return this.#tail as unknown as Socket
  }

  start(): void {
    const { socket } = this
    socket.on('data', (chunk: Buffer) => {
      this.bytesRead += chunk.length
      if (this.#counters !== undefined) this.#counters.read.value += chunk.length
      this.#buffer.move(BodyBuffer.of(chunk))
      this.#read()
    })
    socket.on('end', () => {
      this.#ended = true
      this.#read()
    })
    socket.on('drain', () => {
      for (const callback of this.#drainCallbacks) callback()
      this.#tail?.emitDrain()
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (this.peerReset = code === 'ECONNRESET'))
    socket.on('close', () => this.#onClose())
    // What looked at the first bytes lets the socket flow again a moment later.
    if (this.#pauses > 0) process.nextTick(() => this.#flow())
    this.#begin(0)
  }

  continueFrom(index: number): void {
    if (this.#closed || this.#stopped < index) return
    this.#stopped = -1
    if (!this.#begin(index + 1)) return
    this.#pass(index + 1)
  }

  /** Downwards from the filter in front of `index`. */
  write(index: number, data: BodyBuffer, end: boolean): void {
    for (let i = index - 1; i >= 0; i--) {
      const { filter } = this.#entries[i]
      if (filter.onWrite?.(data, end) === FilterStatus.StopIteration) return
      if (this.#closed) return
    }
    if (this.#counters !== undefined) this.#counters.written.value += data.length
    this.socket.cork()
    for (const chunk of data.chunks) this.socket.write(chunk)
    data.clear()
    this.socket.uncork()
    if (end) this.socket.end()
  }

  close(details: string, abort: boolean | 'reset'): void {
    if (this.#closed) return
    if (details !== '') this.info.terminationDetails = details
    this.#closing = 'local'
    if (abort === 'reset') resetSocket(this.socket)
    else if (abort) this.socket.destroy()
    else {
      this.socket.end()
      this.socket.destroySoon()
    }
  }

  pause(): void {
    this.#pauses++
    this.#flow()
  }

  resume(): void {
    if (this.#pauses > 0) this.#pauses--
    this.#flow()
  }

  /** The codec behind the filters takes more, or it does not. */
  tailTakes(more: boolean): void {
    this.#tailFull = !more
    this.#flow()
  }

  #flow(): void {
    if (this.#pauses === 0 && !this.#overLimit && !this.#tailFull) this.socket.resume()
    else this.socket.pause()
  }

  count(read: Cell, written: Cell): void {
    this.#counters = { read, written }
  }

  onDrain(callback: () => void): void {
    this.#drainCallbacks.push(callback)
  }

  get length(): number {
    return this.#entries.length
  }

  setMetadata(namespace: string, values: Record<string, unknown>): void {
    this.metadata.set(namespace, { ...this.metadata.get(namespace), ...values })
  }

  #begin(from: number, to = this.#entries.length): boolean {
    for (let i = from; i < to; i++) {
      const entry = this.#entries[i]
      if (entry.begun) continue
      entry.begun = true
      if (entry.filter.onNewConnection?.() === FilterStatus.StopIteration) {
        this.#stopped = i
        return false
      }
      if (this.#closed) return false
    }
    return true
  }

  #read(): void {
    if (this.#stopped !== -1) {
      // One that stopped before any data and looks at none only waits.
      const { filter } = this.#entries[this.#stopped]
      if (filter.onData === undefined) {
        this.#checkLimit()
        return
      }
    }
    // Each read passes all filters, as in Envoy: one that stopped, as the last always does, sees what is left and what came since.
    this.#pass(0)
  }

  #pass(from: number): void {
    if (this.#closed || (this.#buffer.length === 0 && !this.#ended)) return
    this.#stopped = -1
    for (let i = from; i < this.#entries.length; i++) {
      if (!this.#begin(i, i + 1)) return
      const status = this.#entries[i].filter.onData?.(this.#buffer, this.#ended)
      if (this.#closed) return
      if (status === FilterStatus.StopIteration) {
        this.#stopped = i
        this.#checkLimit()
        return
      }
    }
    const tail = this.#tail
    if (tail !== undefined) for (const chunk of this.#buffer.chunks) if (!tail.push(chunk)) this.tailTakes(false)
    this.#buffer.clear()
    this.#checkLimit()
    if (tail !== undefined && this.#ended) tail.push(null)
  }

  #checkLimit(): void {
    const over = this.#buffer.length > this.#limit
    if (over === this.#overLimit) return
    this.#overLimit = over
    this.#flow()
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { live, filter } of this.#entries) {
      filter.onClose?.(this.#closing)
      live.release()
    }
    this.#tail?.destroy()
    this.#closedCallback()
  }
}

class Callbacks implements NetworkFilterCallbacks {
  readonly #connection: NetworkConnection
  readonly #index: number

  constructor(connection: NetworkConnection, index: number) {
    this.#connection = connection
    this.#index = index
  }

  get connection(): ConnectionInfo {
    return this.#connection.info
  }

  get upstream(): NetworkConnection['upstream'] {
    return this.#connection.upstream
  }

  get dynamicMetadata(): ReadonlyMap<string, Record<string, unknown>> {
    return this.#connection.metadata
  }

  get filterState(): Map<string, Uint8Array> {
    return this.#connection.filterState
  }

  get writableNeedsDrain(): boolean {
    return this.#connection.socket.writableNeedDrain
  }

  continueReading(): void {
    this.#connection.continueFrom(this.#index)
  }

  write(data: BodyBuffer, endStream: boolean): void {
    this.#connection.write(this.#index, data, endStream)
  }

  get peerReset(): boolean {
    return this.#connection.peerReset
  }

  get bytesRead(): number {
    return this.#connection.bytesRead
  }

  count(read: Cell, written: Cell): void {
    this.#connection.count(read, written)
  }

  close(details: string, abort: boolean | 'reset' = false): void {
    this.#connection.close(details, abort)
  }

  pauseReading(): void {
    this.#connection.pause()
  }

  resumeReading(): void {
    this.#connection.resume()
  }

  onDrain(callback: () => void): void {
    this.#connection.onDrain(callback)
  }

  setDynamicMetadata(namespace: string, values: Record<string, unknown>): void {
    this.#connection.setMetadata(namespace, values)
  }
}

/** What a codec sees of a connection behind network filters. */
class TailSocket extends Duplex {
  readonly #connection: NetworkConnection

  constructor(connection: NetworkConnection) {
    super({ allowHalfOpen: true })
    this.#connection = connection
  }

  get remoteAddress(): string | undefined {
    return this.#connection.socket.remoteAddress
  }

  override _read(): void {
    this.#connection.tailTakes(true)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const data = new BodyBuffer()
    data.add(chunk)
    this.#connection.write(this.#connection.length, data, false)
    if (this.#connection.socket.writableNeedDrain) this.#waiting = done
    else done()
  }

  #waiting: ((error?: Error | null) => void) | undefined

  emitDrain(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }

  /** Its end is written when the connection's is: whoever destroys it then takes nothing from the client. */
  override _final(done: (error?: Error | null) => void): void {
    const { socket } = this.#connection
    this.#connection.write(this.#connection.length, new BodyBuffer(), true)
    // A filter may have kept the end.
    if (socket.writableEnded && !socket.writableFinished) socket.once('finish', done)
    else done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.socket.destroy()
    done(error)
  }
}
