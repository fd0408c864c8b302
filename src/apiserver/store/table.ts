import type { Entry, StoreEvent } from './entry.ts'

/** How far back a watch can start. etcd keeps five minutes; a count bounds memory instead. */
const RING = 1024

export type Watcher = (event: StoreEvent) => void

/** All objects of one resource, its recent events and its watchers. */
export class ResourceTable {
  readonly entries = new Map<string, Entry>()
  readonly watchers = new Set<Watcher>()
  #ring: StoreEvent[] = []
  /** Events up to and with this version are gone. */
  #compacted: number
  #sorted: readonly Entry[] | undefined

  constructor(startVersion: number) {
    this.#compacted = startVersion
  }

  /** By namespace and name. The array is never changed, so that it is also a snapshot for `continue`. */
  get sorted(): readonly Entry[] {
    this.#sorted ??= [...this.entries.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    return this.#sorted
  }

  apply(event: StoreEvent): void {
    if (event.type === 'DELETED') this.entries.delete(event.entry.key)
    else this.entries.set(event.entry.key, event.entry)
    this.#sorted = undefined
    this.#ring.push(event)
    if (this.#ring.length >= 2 * RING) {
      this.#compacted = this.#ring[RING - 1].rv
      this.#ring = this.#ring.slice(RING)
    }
  }

  /** Events after `rv`, or undefined when some of them are gone. */
  since(rv: number): StoreEvent[] | undefined {
    if (rv < this.#compacted) return undefined
    let low = 0
    let high = this.#ring.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ring[middle].rv <= rv) low = middle + 1
      else high = middle
    }
    return this.#ring.slice(low)
  }
}
