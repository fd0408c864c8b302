import { byteString } from '../../../base/byte-string.ts'
import { STATUS } from '../../abi/constants.ts'
import type { SharedStore, SharedValue } from '../../host.ts'
import { DEFAULT_SHARED_LIMITS, type SharedLimits } from '../shared-limits.ts'
import { DATA, HEAD, QUEUE, SPACE } from './layout.ts'
import { Records } from './records.ts'

/** What the vm_ids of a process may keep together; pages that nobody writes to cost nothing. */
const SHARED_MEMORY_BYTES: number = 64 << 20

/** Makes the memory of a store, to be posted to every thread that joins. `size` is a power of two. */
export function createSharedMemory(size: number = SHARED_MEMORY_BYTES): SharedArrayBuffer {
  return Records.format(size)
}

/**
 * Shared data and queues of all threads of the process, in shared memory under one lock: host calls are synchronous, so they
 * cannot wait for the answer of some central thread. One of these per thread.
 */
export class SharedStoreAcrossThreads implements SharedStore {
  readonly #records: Records
  readonly #limits: SharedLimits
  readonly #thread: number
  readonly #listeners = new Map<number, () => void>()
  /** The last signal that was heeded. */
  #heeded = 0
  #waiting = false
  #closed = false

  constructor(memory: SharedArrayBuffer, limits: Partial<SharedLimits> = {}) {
    this.#records = new Records(memory)
    this.#limits = { ...DEFAULT_SHARED_LIMITS, ...limits }
    const { words } = this.#records
    this.#thread = Atomics.add(words, HEAD.nextThread, 1)
    this.#heeded = Atomics.load(words, HEAD.signal)
  }

  close(): void {
    this.#closed = true
    // A signal that is waited for may come yet.
    this.#listeners.clear()
  }

  getData(vmId: string, key: string): SharedValue | undefined {
    return this.#locked(undefined, (records) => {
      const space = records.findSpace(byteString(vmId))
      const data = space === 0 ? 0 : records.findData(space, key)
      if (data === 0) return undefined
      return { value: records.value(data), cas: records.get(data, DATA.cas) >>> 0 }
    })
  }

  setData(vmId: string, key: string, value: Uint8Array, cas: number): number {
    return this.#locked<number>(STATUS.internalFailure, (records) => {
      const space = this.#space(vmId)
      if (space === 0) return STATUS.internalFailure
      let data = records.findData(space, key)
      // An absent key takes any cas, and 0 always sets (cpp-host).
      if (data !== 0 && cas !== 0 && cas !== records.get(data, DATA.cas) >>> 0) return STATUS.casMismatch
      const before = data === 0 ? 0 : records.get(data, DATA.valueLength) + key.length
      const bytes = records.get(space, SPACE.dataBytes) - before + value.length + key.length
      if (bytes > this.#limits.dataBytes) return STATUS.internalFailure
      const isNew = data === 0
      if (isNew) {
        if (records.get(space, SPACE.dataKeys) >= this.#limits.dataKeys) return STATUS.internalFailure
        data = records.addData(space, key)
        if (data === 0) return STATUS.internalFailure
      }
      if (!records.setValue(data, value)) {
        if (isNew) records.dropNewest(space, data)
        return STATUS.internalFailure
      }
      if (isNew) records.set(space, SPACE.dataKeys, records.get(space, SPACE.dataKeys) + 1)
      records.set(space, SPACE.dataBytes, bytes)
      const next = (records.words[HEAD.cas] + 1) | 0 || 1
      records.words[HEAD.cas] = next
      records.set(data, DATA.cas, next)
      return STATUS.ok
    })
  }

  registerQueue(vmId: string, name: string, onReady: () => void): number {
    const id = this.#locked<number>(-STATUS.internalFailure, (records) => {
      const space = this.#space(vmId)
      if (space === 0) return -STATUS.internalFailure
      let queue = records.findQueueByName(space, name)
      if (queue === 0) {
        const count = records.get(space, SPACE.queueCount)
        if (count >= this.#limits.queues) return -STATUS.internalFailure
        queue = records.addQueue(space, name)
        if (queue === 0) return -STATUS.internalFailure
        records.set(space, SPACE.queueCount, count + 1)
      }
      records.set(queue, QUEUE.owner, this.#thread)
      records.set(queue, QUEUE.pending, 0)
      return records.get(queue, QUEUE.id)
    })
    if (id > 0) {
      this.#listeners.set(id, onReady)
      if (!this.#waiting) this.#wait()
    }
    return id
  }

  resolveQueue(vmId: string, name: string): number {
    return this.#locked<number>(-STATUS.internalFailure, (records) => {
      const space = records.findSpace(byteString(vmId))
      const queue = space === 0 ? 0 : records.findQueueByName(space, name)
      return queue === 0 ? -STATUS.notFound : records.get(queue, QUEUE.id)
    })
  }

  enqueue(id: number, value: Uint8Array): number {
    let owner = 0
    const status = this.#locked<number>(STATUS.internalFailure, (records) => {
      const queue = records.findQueue(id)
      if (queue === 0) return STATUS.notFound
      const space = records.get(queue, QUEUE.space)
      const bytes = records.get(space, SPACE.queueBytes) + value.length
      if (records.get(queue, QUEUE.count) >= this.#limits.queueItems || bytes > this.#limits.queueBytes) {
        return STATUS.internalFailure
      }
      if (!records.addItem(queue, value)) return STATUS.internalFailure
      records.set(space, SPACE.queueBytes, bytes)
      // One message stands for all items until it is read.
      if (records.get(queue, QUEUE.pending) === 0) owner = records.get(queue, QUEUE.owner)
      records.set(queue, QUEUE.pending, records.get(queue, QUEUE.pending) + 1)
      return STATUS.ok
    })
    if (owner === this.#thread) setImmediate(() => this.#deliver(id))
    else if (owner !== 0) this.#signal()
    return status
  }

  dequeue(id: number): Uint8Array | number {
    return this.#locked<Uint8Array | number>(STATUS.internalFailure, (records) => {
      const queue = records.findQueue(id)
      if (queue === 0) return STATUS.notFound
      const value = records.takeItem(queue)
      if (value === undefined) return STATUS.empty
      const space = records.get(queue, QUEUE.space)
      records.set(space, SPACE.queueBytes, records.get(space, SPACE.queueBytes) - value.length)
      return value
    })
  }

  unregisterQueue(id: number, onReady: () => void): void {
    if (this.#listeners.get(id) !== onReady) return
    this.#listeners.delete(id)
    this.#locked(undefined, (records) => {
      const queue = records.findQueue(id)
      if (queue !== 0 && records.get(queue, QUEUE.owner) === this.#thread) records.set(queue, QUEUE.owner, 0)
    })
  }

  retain(vmId: string): void {
    this.#locked(undefined, (records) => {
      const space = this.#space(vmId)
      if (space !== 0) records.set(space, SPACE.users, records.get(space, SPACE.users) + 1)
    })
  }

  release(vmId: string): void {
    this.#locked(undefined, (records) => {
      const space = records.findSpace(byteString(vmId))
      if (space === 0) return
      const users = records.get(space, SPACE.users) - 1
      records.set(space, SPACE.users, users)
      if (users <= 0) records.removeSpace(space)
    })
  }

  /** Tells the other threads that one of their queues has items. */
  #signal(): void {
    const { words } = this.#records
    Atomics.add(words, HEAD.signal, 1)
    Atomics.notify(words, HEAD.signal)
  }

  /** Waits for a signal, without keeping its thread; not by a BroadcastChannel, with whose first message Node loads 26 ms of code. */
  #wait(): void {
    this.#waiting = !this.#closed && this.#listeners.size > 0
    if (!this.#waiting) return
    const next = Atomics.waitAsync(this.#records.words, HEAD.signal, this.#heeded)
    if (next.async) next.value.then(() => this.#heed())
    else setImmediate(() => this.#heed())
  }

  #heed(): void {
    this.#heeded = Atomics.load(this.#records.words, HEAD.signal)
    for (const id of this.#listeners.keys()) this.#deliver(id)
    this.#wait()
  }

  #deliver(id: number): void {
    const count = this.#locked(0, (records) => {
      const queue = records.findQueue(id)
      if (queue === 0 || records.get(queue, QUEUE.owner) !== this.#thread) return 0
      const pending = records.get(queue, QUEUE.pending)
      records.set(queue, QUEUE.pending, 0)
      return pending
    })
    for (let i = 0; i < count; i++) this.#listeners.get(id)?.()
  }

  #space(vmId: string): number {
    const name = byteString(vmId)
    return this.#records.findSpace(name) || this.#records.addSpace(name)
  }

  #locked<T>(without: T, work: (records: Records) => T): T {
    const { lock } = this.#records
    if (!lock.acquire()) return without
    try {
      return work(this.#records)
    } finally {
      lock.release()
    }
  }
}
