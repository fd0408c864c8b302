/** Where things stand in the shared memory. Word indices of the head; fields of records are word offsets from their address. */
export const HEAD = {
  lock: 0,
  cas: 1,
  nextQueue: 2,
  nextThread: 3,
  /** Counts up when a queue of another thread has items; threads wait for that. */
  signal: 4,
  lists: 8,
  spaces: 64,
  data: 64 + 256,
  queues: 64 + 256 + 4096,
} as const

/** How many lists each hash table has: vm_ids by hash, keys by hash, queues by id. */
export const BUCKETS = { spaces: 256, data: 4096, queues: 256 } as const

/** Bytes before the arena; the arena's blocks are aligned to it. */
export const HEAD_BYTES = 32768

/** One vm_id. */
export const SPACE = {
  next: 0,
  hash: 1,
  nameLength: 2,
  users: 3,
  dataBytes: 4,
  dataKeys: 5,
  queueBytes: 6,
  queueCount: 7,
  firstData: 8,
  firstQueue: 9,
  name: 10,
} as const

/** One key. */
export const DATA = {
  next: 0,
  hash: 1,
  space: 2,
  keyLength: 3,
  value: 4,
  valueLength: 5,
  cas: 6,
  nextInSpace: 7,
  key: 8,
} as const

/** One queue; its items are a list from `head` to `tail`. */
export const QUEUE = {
  /** In the bucket of its id. */
  next: 0,
  id: 1,
  space: 2,
  nameLength: 3,
  head: 4,
  tail: 5,
  count: 6,
  /** The thread that is told of new items; 0: none. */
  owner: 7,
  /** Items that it has not been told of. */
  pending: 8,
  nextInSpace: 9,
  name: 10,
} as const

/** One item of a queue, its bytes behind its words. */
export const ITEM = { next: 0, length: 1, bytes: 2 } as const
