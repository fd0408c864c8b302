import { Buddy } from './buddy.ts'
import { BUCKETS, DATA, HEAD, HEAD_BYTES, ITEM, QUEUE, SPACE } from './layout.ts'
import { Lock } from './lock.ts'

/**
 * The records of the store: spaces (one per vm_id), keys, queues and their items. Nothing here takes the lock or knows of limits;
 * an address is 0 where there is nothing, or no room.
 */
export class Records {
  readonly words: Int32Array<SharedArrayBuffer>
  readonly bytes: Buffer
  readonly lock: Lock
  readonly #buddy: Buddy

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory)
    this.bytes = Buffer.from(memory)
    this.lock = new Lock(this.words, HEAD.lock)
    this.#buddy = new Buddy(this.words, HEAD.lists, HEAD_BYTES, memory.byteLength - HEAD_BYTES)
  }

  /** Makes an empty store in fresh memory; `size` bytes of arena, a power of two. */
  static format(size: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(HEAD_BYTES + size)
    const records = new Records(memory)
    records.#buddy.format()
    records.words[HEAD.nextQueue] = 1
    records.words[HEAD.nextThread] = 1
    return memory
  }

  get(address: number, field: number): number {
    return this.words[(address >> 2) + field]
  }

  set(address: number, field: number, value: number): void {
    this.words[(address >> 2) + field] = value
  }

  // Spaces

  findSpace(vmId: string): number {
    const hash = hashOf(0, vmId)
    let space = this.words[HEAD.spaces + (hash & (BUCKETS.spaces - 1))]
    while (space !== 0 && !this.#named(space, hash, SPACE.nameLength, SPACE.name, vmId))
      space = this.get(space, SPACE.next)
    return space
  }

  addSpace(vmId: string): number {
    const space = this.#record(SPACE.name, vmId)
    if (space === 0) return 0
    const hash = hashOf(0, vmId)
    const bucket = HEAD.spaces + (hash & (BUCKETS.spaces - 1))
    this.set(space, SPACE.hash, hash)
    this.set(space, SPACE.nameLength, vmId.length)
    this.set(space, SPACE.next, this.words[bucket])
    this.words[bucket] = space
    return space
  }

  /** Frees a space with all that it holds. */
  removeSpace(space: number): void {
    for (let data = this.get(space, SPACE.firstData); data !== 0; ) {
      const next = this.get(data, DATA.nextInSpace)
      this.#unchain(HEAD.data + (this.get(data, DATA.hash) & (BUCKETS.data - 1)), data)
      this.#free(this.get(data, DATA.value))
      this.#free(data)
      data = next
    }
    for (let queue = this.get(space, SPACE.firstQueue); queue !== 0; ) {
      const next = this.get(queue, QUEUE.nextInSpace)
      this.#unchain(HEAD.queues + (this.get(queue, QUEUE.id) & (BUCKETS.queues - 1)), queue)
      while (this.get(queue, QUEUE.head) !== 0) this.takeItem(queue)
      this.#free(queue)
      queue = next
    }
    this.#unchain(HEAD.spaces + (this.get(space, SPACE.hash) & (BUCKETS.spaces - 1)), space)
    this.#free(space)
  }

  // Data

  findData(space: number, key: string): number {
    const hash = hashOf(space, key)
    let data = this.words[HEAD.data + (hash & (BUCKETS.data - 1))]
    while (data !== 0) {
      if (this.get(data, DATA.space) === space && this.#named(data, hash, DATA.keyLength, DATA.key, key)) return data
      data = this.get(data, DATA.next)
    }
    return 0
  }

  addData(space: number, key: string): number {
    const data = this.#record(DATA.key, key)
    if (data === 0) return 0
    const hash = hashOf(space, key)
    const bucket = HEAD.data + (hash & (BUCKETS.data - 1))
    this.set(data, DATA.hash, hash)
    this.set(data, DATA.space, space)
    this.set(data, DATA.keyLength, key.length)
    this.set(data, DATA.next, this.words[bucket])
    this.words[bucket] = data
    this.set(data, DATA.nextInSpace, this.get(space, SPACE.firstData))
    this.set(space, SPACE.firstData, data)
    return data
  }

  /** Takes back a key that got no value; it is the newest of its space and of its bucket. */
  dropNewest(space: number, data: number): void {
    this.set(space, SPACE.firstData, this.get(data, DATA.nextInSpace))
    this.#unchain(HEAD.data + (this.get(data, DATA.hash) & (BUCKETS.data - 1)), data)
    this.#free(data)
  }

  /** False where there is no room; the old value stays. */
  setValue(data: number, value: Uint8Array): boolean {
    const fresh = value.length === 0 ? 0 : this.#buddy.allocate(value.length)
    if (fresh === 0 && value.length > 0) return false
    if (fresh !== 0) this.bytes.set(value, fresh)
    this.#free(this.get(data, DATA.value))
    this.set(data, DATA.value, fresh)
    this.set(data, DATA.valueLength, value.length)
    return true
  }

  value(data: number): Uint8Array {
    return this.#copy(this.get(data, DATA.value), this.get(data, DATA.valueLength))
  }

  // Queues

  findQueue(id: number): number {
    let queue = this.words[HEAD.queues + (id & (BUCKETS.queues - 1))]
    while (queue !== 0 && this.get(queue, QUEUE.id) !== id) queue = this.get(queue, QUEUE.next)
    return queue
  }

  findQueueByName(space: number, name: string): number {
    let queue = this.get(space, SPACE.firstQueue)
    while (queue !== 0 && !this.#spelled(queue, QUEUE.nameLength, QUEUE.name, name))
      queue = this.get(queue, QUEUE.nextInSpace)
    return queue
  }

  addQueue(space: number, name: string): number {
    const queue = this.#record(QUEUE.name, name)
    if (queue === 0) return 0
    const id = this.words[HEAD.nextQueue]++
    const bucket = HEAD.queues + (id & (BUCKETS.queues - 1))
    this.set(queue, QUEUE.id, id)
    this.set(queue, QUEUE.space, space)
    this.set(queue, QUEUE.nameLength, name.length)
    this.set(queue, QUEUE.next, this.words[bucket])
    this.words[bucket] = queue
    this.set(queue, QUEUE.nextInSpace, this.get(space, SPACE.firstQueue))
    this.set(space, SPACE.firstQueue, queue)
    return queue
  }

  addItem(queue: number, value: Uint8Array): boolean {
    const item = this.#buddy.allocate(ITEM.bytes * 4 + value.length)
    if (item === 0) return false
    this.set(item, ITEM.next, 0)
    this.set(item, ITEM.length, value.length)
    this.bytes.set(value, item + ITEM.bytes * 4)
    const tail = this.get(queue, QUEUE.tail)
    if (tail === 0) this.set(queue, QUEUE.head, item)
    else this.set(tail, ITEM.next, item)
    this.set(queue, QUEUE.tail, item)
    this.set(queue, QUEUE.count, this.get(queue, QUEUE.count) + 1)
    return true
  }

  takeItem(queue: number): Uint8Array | undefined {
    const item = this.get(queue, QUEUE.head)
    if (item === 0) return undefined
    const value = this.#copy(item + ITEM.bytes * 4, this.get(item, ITEM.length))
    const next = this.get(item, ITEM.next)
    this.set(queue, QUEUE.head, next)
    if (next === 0) this.set(queue, QUEUE.tail, 0)
    this.set(queue, QUEUE.count, this.get(queue, QUEUE.count) - 1)
    this.#free(item)
    return value
  }

  /** A record with zeroed fields and a name behind them. */
  #record(fields: number, name: string): number {
    const address = this.#buddy.allocate(fields * 4 + name.length)
    if (address === 0) return 0
    this.words.fill(0, address >> 2, (address >> 2) + fields)
    this.bytes.latin1Write(name, address + fields * 4, name.length)
    return address
  }

  #free(address: number): void {
    if (address !== 0) this.#buddy.free(address)
  }

  #copy(address: number, length: number): Uint8Array {
    const copy = new Uint8Array(length)
    if (length > 0) copy.set(this.bytes.subarray(address, address + length))
    return copy
  }

  #named(record: number, hash: number, lengthField: number, nameField: number, name: string): boolean {
    return this.get(record, 1) === hash && this.#spelled(record, lengthField, nameField, name)
  }

  #spelled(record: number, lengthField: number, nameField: number, name: string): boolean {
    if (this.get(record, lengthField) !== name.length) return false
    const at = record + nameField * 4
    for (let i = 0; i < name.length; i++) if (this.bytes[at + i] !== name.charCodeAt(i)) return false
    return true
  }

  /** Takes a record out of a bucket's chain; `next` is field 0 of every record. */
  #unchain(bucket: number, record: number): void {
    let at = bucket
    while (this.words[at] !== record && this.words[at] !== 0) at = this.words[at] >> 2
    if (this.words[at] === record) this.words[at] = this.get(record, 0)
  }
}

/** FNV-1a, seeded with what the name belongs to. */
function hashOf(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash | 0
}
