import type { ApiObject } from '../object.ts'

/** One version of one object. Never changed after it was made; a write makes another. */
export class Entry {
  /** `plural.group`: all versions of a kind share one storage. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly rv: number
  readonly object: ApiObject
  #json: string | undefined

  constructor(resource: string, namespace: string, name: string, rv: number, object: ApiObject, json?: string) {
    this.resource = resource
    this.namespace = namespace
    this.name = name
    this.rv = rv
    this.object = object
    this.#json = json
  }

  /** The text of the stored version, made once for the database, every list and every watcher. */
  get json(): string {
    this.#json ??= JSON.stringify(this.object)
    return this.#json
  }

  get key(): string {
    return keyFor(this.namespace, this.name)
  }
}

/** NUL cannot occur in names, and sorts before everything: lists come out by namespace, then name. */
export function keyFor(namespace: string, name: string): string {
  return `${namespace}\0${name}`
}

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly rv: number
  /** For DELETED the last state, with the resourceVersion of the deletion. */
  readonly entry: Entry
  readonly previous: Entry | undefined
}
