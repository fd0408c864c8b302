import { Hash64, xxHash64 } from '../cluster/hash64.ts'
import { TokenBucket, type TokenBucketSettings } from './token-bucket.ts'

/** Of a slot: whose bucket it is, and the bucket. */
const SLOT_CELLS = 2
const FREE = 0n
/** Its owner changes just now. */
const BUSY = -1n
/** How many slots are looked at for one key. */
const WINDOW = 32
/** Others may be faster a few times; a slot of a thread that died while it was busy stays so. */
const ATTEMPTS = 8

/** How many numbers the state of as many buckets takes. */
export function dynamicCells(capacity: number): number {
  return slotsFor(capacity) * SLOT_CELLS
}

/** Beyond one window twice as many, so that a key finds a free one near to where it belongs. */
function slotsFor(capacity: number): number {
  return capacity <= WINDOW ? capacity : capacity * 2
}

/**
 * Buckets that are made as they are asked for, one for each key, in memory that workers share without locks. When there is no more
 * room the fullest one makes way, by which least is lost: a full bucket is as good as none.
 */
export class DynamicBuckets {
  readonly #settings: TokenBucketSettings
  readonly #cells: BigInt64Array
  readonly #slots: number
  readonly #window: number
  readonly #buckets: (TokenBucket | undefined)[]
  readonly #hash = new Hash64()

  /** `cells` are as many as `dynamicCells` says. */
  constructor(settings: TokenBucketSettings, cells: BigInt64Array) {
    this.#settings = settings
    this.#cells = cells
    this.#slots = cells.length / SLOT_CELLS
    this.#window = Math.min(WINDOW, this.#slots)
    this.#buckets = new Array(this.#slots).fill(undefined)
  }

  find(name: string): TokenBucket {
    const { hi, lo } = xxHash64(name, this.#hash)
    const hashed = BigInt.asIntN(64, (BigInt(hi) << 32n) | BigInt(lo))
    const key = hashed === FREE || hashed === BUSY ? 1n : hashed
    const start = lo % this.#slots
    for (let i = 0; i < ATTEMPTS; i++) {
      const slot = this.#slotOf(key, start)
      if (slot !== undefined) return this.#bucket(slot)
    }
    return new TokenBucket(this.#settings, new BigInt64Array(1))
  }

  /** The key's own slot, or one that is made so; `undefined` when another thread was faster. */
  #slotOf(key: bigint, start: number): number | undefined {
    const cells = this.#cells
    let victim = -1
    let owner = BUSY
    let emptiest = 0n
    for (let i = 0; i < this.#window; i++) {
      const slot = (start + i) % this.#slots
      const found = Atomics.load(cells, slot * SLOT_CELLS)
      if (found === key) return slot
      if (found === BUSY) continue
      const emptyAt = found === FREE ? FREE : Atomics.load(cells, slot * SLOT_CELLS + 1)
      if (victim !== -1 && (owner === FREE || (found !== FREE && emptyAt >= emptiest))) continue
      victim = slot
      owner = found
      emptiest = emptyAt
    }
    if (victim === -1 || Atomics.compareExchange(cells, victim * SLOT_CELLS, owner, BUSY) !== owner) return undefined
    Atomics.store(cells, victim * SLOT_CELLS + 1, 0n)
    Atomics.store(cells, victim * SLOT_CELLS, key)
    return victim
  }

  #bucket(slot: number): TokenBucket {
    let bucket = this.#buckets[slot]
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#settings, this.#cells, slot * SLOT_CELLS + 1)
      this.#buckets[slot] = bucket
    }
    return bucket
  }
}
