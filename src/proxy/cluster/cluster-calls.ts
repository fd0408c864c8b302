import { type Entry, IdTable } from '../../base/id-table.ts'

/** Something that the proxy asks a cluster of its own accord. */
export interface ClusterCall extends Entry {
  onClusterGone(): void
}

/**
 * The calls of a cluster that are under way. Unlike requests of clients they end with it, also when another of its name takes its place
 * (Envoy's AsyncClientImpl::~AsyncClientImpl): nobody else would end one without a timeout.
 */
export class ClusterCalls {
  /** Most clusters have none. */
  #calls: IdTable<ClusterCall> | undefined
  #lastId = 0

  /** The id for the next one. */
  nextId(): number {
    this.#lastId = (this.#lastId + 1) & 0x3fffffff
    return this.#lastId
  }

  add(call: ClusterCall): void {
    this.#calls ??= new IdTable()
    this.#calls.add(call)
  }

  delete(call: ClusterCall): void {
    this.#calls?.delete(call.id)
  }

  end(): void {
    for (const call of this.#calls?.all() ?? []) call.onClusterGone()
  }
}
