/** What has a place in a table, which it holds by a field of its own. */
export interface Entry {
  readonly id: number
  /** The next one in its bucket. */
  nextInTable: Entry | undefined
}

const LEAST_BUCKETS = 64

/**
 * What lives at present, by number: streams of a connection, contexts of a VM. A JavaScript Map moves to a new table every few dozen
 * additions and removals, and the table it leaves points to the new one. One that has come into the old generation keeps alive, until
 * the next full collection, every table after it with all streams that were in them. Here what has gone points to nothing.
 */
export class IdTable<T extends Entry> {
  #buckets: (Entry | undefined)[] = new Array(LEAST_BUCKETS).fill(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): T | undefined {
    let entry = this.#buckets[id & (this.#buckets.length - 1)]
    while (entry !== undefined && entry.id !== id) entry = entry.nextInTable
    return entry as T | undefined
  }

  /** The id must not be in the table. */
  add(entry: T): void {
    if (this.#size === this.#buckets.length) this.#grow()
    this.#size++
    this.#link(entry)
  }

  /** False: it was not there. */
  delete(id: number): boolean {
    const buckets = this.#buckets
    const index = id & (buckets.length - 1)
    let before: Entry | undefined
    let entry = buckets[index]
    while (entry !== undefined && entry.id !== id) {
      before = entry
      entry = entry.nextInTable
    }
    if (entry === undefined) return false
    if (before === undefined) buckets[index] = entry.nextInTable
    else before.nextInTable = entry.nextInTable
    entry.nextInTable = undefined
    this.#size--
    return true
  }

  /** All of them, in no order; the table may change while they are looked at. */
  all(): T[] {
    const all: T[] = []
    for (let entry of this.#buckets) {
      for (; entry !== undefined; entry = entry.nextInTable) all.push(entry as T)
    }
    return all
  }

  clear(): void {
    for (const entry of this.all()) this.delete(entry.id)
  }

  #link(entry: Entry): void {
    const index = entry.id & (this.#buckets.length - 1)
    entry.nextInTable = this.#buckets[index]
    this.#buckets[index] = entry
  }

  #grow(): void {
    const all = this.all()
    const left = this.#buckets
    this.#buckets = new Array(left.length * 2).fill(undefined)
    for (const entry of all) this.#link(entry)
    left.length = 0
  }
}
