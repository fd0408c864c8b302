import type { ApiObject } from '../object.ts'
import { Database } from './database.ts'
import { Entry, keyFor, type StoreEvent } from './entry.ts'
import { ResourceTable, type Watcher } from './table.ts'

/**
 * All objects, in memory, with every write in the database before it is seen by anyone. One counter numbers all writes of
 * all resources, so lists, watches and bookmarks of different resources can be compared.
 *
 * Everything here is synchronous: a read-modify-write in one turn of the event loop is atomic.
 */
export class Store {
  readonly #db: Database
  readonly #tables = new Map<string, ResourceTable>()
  readonly #start: number
  readonly #observers: Watcher[] = []
  #rv: number
  #pending: StoreEvent[] | undefined

  constructor(dataDir: string) {
    this.#db = new Database(dataDir)
    this.#rv = Math.max(1, this.#db.lastVersion)
    this.#start = this.#rv
    for (const row of this.#db.load()) {
      const entry = new Entry(row.resource, row.namespace, row.name, row.rv, JSON.parse(row.body), row.body)
      this.table(row.resource).entries.set(entry.key, entry)
    }
  }

  /** The version of the last write. */
  get version(): number {
    return this.#rv
  }

  table(resource: string): ResourceTable {
    let table = this.#tables.get(resource)
    if (table === undefined) {
      table = new ResourceTable(this.#start)
      this.#tables.set(resource, table)
    }
    return table
  }

  resources(): string[] {
    return [...this.#tables.keys()]
  }

  get(resource: string, namespace: string, name: string): Entry | undefined {
    return this.#tables.get(resource)?.entries.get(keyFor(namespace, name))
  }

  /** Sees every write of every resource, after it is durable. For the controllers inside the server. */
  observe(observer: Watcher): void {
    this.#observers.push(observer)
  }

  /** Creates or replaces. `object.metadata.resourceVersion` is set here. */
  put(resource: string, namespace: string, name: string, object: ApiObject): Entry {
    const rv = this.#rv + 1
    const stored: ApiObject = { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } }
    const entry = new Entry(resource, namespace, name, rv, stored)
    const previous = this.get(resource, namespace, name)
    this.#db.put({ resource, namespace, name, rv, body: entry.json })
    this.#rv = rv
    this.#emit({ type: previous === undefined ? 'ADDED' : 'MODIFIED', rv, entry, previous })
    return entry
  }

  /** Removes, and answers the last state under the version of the removal. */
  remove(previous: Entry): Entry {
    const rv = this.#rv + 1
    const { resource, namespace, name, object } = previous
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } }
    const entry = new Entry(resource, namespace, name, rv, last)
    this.#db.remove(resource, namespace, name, rv)
    this.#rv = rv
    this.#emit({ type: 'DELETED', rv, entry, previous })
    return entry
  }

  /**
   * Many writes with one sync to disk; watchers hear of them when all are durable. If one throws, none has happened on
   * disk: the caller must not go on with this store.
   */
  batch(work: () => void): void {
    if (this.#pending !== undefined) {
      work()
      return
    }
    this.#pending = []
    this.#db.transaction(work)
    const events = this.#pending
    this.#pending = undefined
    for (const event of events) this.#notify(event)
  }

  close(): void {
    this.#db.close()
  }

  #emit(event: StoreEvent): void {
    this.table(event.entry.resource).apply(event)
    if (this.#pending === undefined) this.#notify(event)
    else this.#pending.push(event)
  }

  #notify(event: StoreEvent): void {
    for (const watcher of this.table(event.entry.resource).watchers) watcher(event)
    for (const observer of this.#observers) observer(event)
  }
}
