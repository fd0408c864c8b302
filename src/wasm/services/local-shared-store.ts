import { STATUS } from '../abi/constants.ts'
import type { SharedStore, SharedValue } from '../host.ts'
import { DEFAULT_SHARED_LIMITS, type SharedLimits } from './shared-limits.ts'

interface Queue {
  readonly space: Space
  readonly items: Uint8Array[]
  onReady: (() => void) | undefined
}

/** What belongs to one vm_id. */
interface Space {
  readonly data: Map<string, SharedValue>
  readonly queues: Map<string, number>
  dataBytes: number
  queueBytes: number
  users: number
}

/** Shared data and queues for one thread; `SharedStoreAcrossThreads` does the same for a process. */
export class LocalSharedStore implements SharedStore {
  readonly #limits: SharedLimits
  readonly #spaces = new Map<string, Space>()
  readonly #queues = new Map<number, Queue>()
  #cas = 0
  #nextQueue = 1

  constructor(limits: Partial<SharedLimits> = {}) {
    this.#limits = { ...DEFAULT_SHARED_LIMITS, ...limits }
  }

  getData(vmId: string, key: string): SharedValue | undefined {
    return this.#spaces.get(vmId)?.data.get(key)
  }

  setData(vmId: string, key: string, value: Uint8Array, cas: number): number {
    const space = this.#space(vmId)
    const known = space.data.get(key)
    // An absent key takes any cas, and 0 always sets (cpp-host).
    if (known !== undefined && cas !== 0 && cas !== known.cas) return STATUS.casMismatch
    const before = known === undefined ? 0 : known.value.length + key.length
    const bytes = space.dataBytes - before + value.length + key.length
    if (bytes > this.#limits.dataBytes) return STATUS.internalFailure
    if (known === undefined && space.data.size >= this.#limits.dataKeys) return STATUS.internalFailure
    space.dataBytes = bytes
    this.#cas = this.#cas >= 0xffffffff ? 1 : this.#cas + 1
    space.data.set(key, { value: Uint8Array.prototype.slice.call(value), cas: this.#cas })
    return STATUS.ok
  }

  registerQueue(vmId: string, name: string, onReady: () => void): number {
    const space = this.#space(vmId)
    let id = space.queues.get(name)
    if (id === undefined) {
      if (space.queues.size >= this.#limits.queues) return -STATUS.internalFailure
      id = this.#nextQueue++
      space.queues.set(name, id)
      this.#queues.set(id, { space, items: [], onReady: undefined })
    }
    const queue = this.#queues.get(id)
    if (queue !== undefined) queue.onReady = onReady
    return id
  }

  resolveQueue(vmId: string, name: string): number {
    return this.#spaces.get(vmId)?.queues.get(name) ?? -STATUS.notFound
  }

  enqueue(id: number, value: Uint8Array): number {
    const queue = this.#queues.get(id)
    if (queue === undefined) return STATUS.notFound
    if (
      queue.items.length >= this.#limits.queueItems ||
      queue.space.queueBytes + value.length > this.#limits.queueBytes
    ) {
      return STATUS.internalFailure
    }
    queue.space.queueBytes += value.length
    queue.items.push(value)
    // Never from within the call: the listener may be in the VM that is running.
    setImmediate(() => queue.onReady?.())
    return STATUS.ok
  }

  dequeue(id: number): Uint8Array | number {
    const queue = this.#queues.get(id)
    if (queue === undefined) return STATUS.notFound
    const value = queue.items.shift()
    if (value === undefined) return STATUS.empty
    queue.space.queueBytes -= value.length
    return value
  }

  unregisterQueue(id: number, onReady: () => void): void {
    const queue = this.#queues.get(id)
    if (queue?.onReady === onReady) queue.onReady = undefined
  }

  retain(vmId: string): void {
    this.#space(vmId).users++
  }

  release(vmId: string): void {
    const space = this.#spaces.get(vmId)
    if (space === undefined || --space.users > 0) return
    for (const id of space.queues.values()) this.#queues.delete(id)
    this.#spaces.delete(vmId)
  }

  #space(vmId: string): Space {
    let space = this.#spaces.get(vmId)
    if (space === undefined) {
      space = { data: new Map(), queues: new Map(), dataBytes: 0, queueBytes: 0, users: 0 }
      this.#spaces.set(vmId, space)
    }
    return space
  }
}
