import { Backoff, sleep } from '../base/backoff.ts'
import { messageOf } from '../errors.ts'
import { logger } from '../telemetry/log.ts'
import { KubeApiError } from './api-error.ts'
import type { KubeClient, ListOptions, WatchEvent } from './client.ts'
import { type KubeObject, keyOf, type ResourceType } from './types.ts'

/** What has become of an object since it was seen last; several changes in between are one. */
export interface Change<T extends KubeObject> {
  readonly type: 'added' | 'updated' | 'deleted'
  readonly object: T
  /** What it replaced; for `deleted` the last state that was seen. */
  readonly old?: T
}

const LIVED_MS = 10_000

const log = logger('kube')

/**
 * A local copy of all objects of one kind, kept by list and watch. Changes arrive in order; none is lost over a reconnect,
 * because an expired watch is followed by a new list whose differences are told as changes.
 */
export class Informer<T extends KubeObject = KubeObject> {
  readonly type: ResourceType
  /** `namespace/name` to object. Read only. */
  readonly store = new Map<string, T>()
  readonly #client: KubeClient
  readonly #options: ListOptions
  readonly #listeners: ((change: Change<T>) => void)[] = []
  readonly #stop = new AbortController()
  readonly #synced = Promise.withResolvers<void>()

  constructor(client: KubeClient, type: ResourceType, options: ListOptions = {}) {
    this.#client = client
    this.type = type
    this.#options = options
  }

  /** Calls back for each change from now on; set it before {@link start} to see all. */
  onChange(listener: (change: Change<T>) => void): this {
    this.#listeners.push(listener)
    return this
  }

  /** Begins; resolves when the first list is in the store. */
  start(): Promise<void> {
    void this.#run()
    return this.#synced.promise
  }

  stop(): void {
    this.#stop.abort()
    this.#synced.resolve()
  }

  values(): T[] {
    return [...this.store.values()]
  }

  async #run(): Promise<void> {
    const signal = this.#stop.signal
    const backoff = new Backoff({ initialMs: 100, maxMs: 10_000 })
    let resourceVersion: string | undefined
    while (!signal.aborted) {
      const begun = Date.now()
      let heard = false
      let failure: unknown
      try {
        if (resourceVersion === undefined) {
          resourceVersion = await this.#list()
          this.#synced.resolve()
        }
        await this.#client.watch<T>(this.type, { ...this.#options, resourceVersion, signal }, (event) => {
          heard = true
          resourceVersion = event.object.metadata.resourceVersion
          this.#apply(event)
        })
      } catch (error) {
        if (error instanceof KubeApiError && error.expired) resourceVersion = undefined
        else failure = error
      }
      if (signal.aborted) return
      // A watch that lived is followed by the next at once; a server that ends each at its beginning must not be hammered.
      if (heard || Date.now() - begun > LIVED_MS) backoff.reset()
      if (heard && failure === undefined) continue
      const pauseMs = backoff.next()
      if (failure !== undefined) {
        log.warn({ plural: this.type.plural, pauseMs, error: messageOf(failure) }, 'watch broke off; trying again')
      }
      await sleep(pauseMs, signal).catch(() => {})
    }
  }

  async #list(): Promise<string> {
    const list = await this.#client.list<T>(this.type, this.#options)
    const gone = new Set(this.store.keys())
    for (const item of list.items) {
      // Items of a list carry no kind of their own.
      item.kind ??= this.type.kind
      item.apiVersion ??= this.type.group === '' ? this.type.version : `${this.type.group}/${this.type.version}`
      gone.delete(keyOf(item))
      this.#put(item)
    }
    for (const key of gone) this.#remove(key, this.store.get(key)!)
    return list.metadata.resourceVersion
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') return
    if (event.type === 'DELETED') this.#remove(keyOf(event.object), event.object)
    else this.#put(event.object)
  }

  #put(object: T): void {
    const key = keyOf(object)
    const old = this.store.get(key)
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion && old !== undefined) return
    this.store.set(key, object)
    this.#tell(old === undefined ? { type: 'added', object } : { type: 'updated', object, old })
  }

  #remove(key: string, object: T): void {
    const old = this.store.get(key)
    if (old === undefined) return
    this.store.delete(key)
    this.#tell({ type: 'deleted', object, old })
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (error) {
        log.error({ err: error, key: keyOf(change.object) }, 'a listener failed on a change')
      }
    }
  }
}
