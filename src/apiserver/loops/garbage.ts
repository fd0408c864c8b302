/** Garbage collection by ownerReferences: dependents go when all their owners have gone. */
import { clone } from '../json.ts'
import { storageTarget } from '../registry.ts'
import type { Api } from '../rest/context.ts'
import { deleteObject } from '../rest/delete.ts'
import { settle } from '../rest/write.ts'
import type { Entry, StoreEvent } from '../store/entry.ts'
import type { Background } from './background.ts'

export class GarbageCollector {
  readonly #api: Api
  /** uid of every living object. */
  readonly #living = new Map<string, Entry>()
  /** Owner's uid -> its dependents, by their own uid. */
  readonly #dependents = new Map<string, Map<string, Entry>>()
  readonly #queue = new Set<string>()
  readonly #wake: () => void

  constructor(api: Api, background: Background) {
    this.#api = api
    this.#wake = background.waking('garbage collection', () => this.#work())
    const { store } = api
    for (const resource of store.resources()) for (const entry of store.table(resource).sorted) this.#index(entry)
    for (const uid of this.#living.keys()) this.#enqueue(uid)
    store.observe((event) => this.#onEvent(event))
  }

  #onEvent({ type, entry, previous }: StoreEvent): void {
    const { uid } = entry.object.metadata
    if (uid === undefined) return
    if (previous !== undefined) this.#unindex(previous)
    if (type === 'DELETED') {
      for (const dependent of this.#dependents.get(uid)?.keys() ?? []) this.#enqueue(dependent)
      // Owners that wait for this one to go.
      for (const owner of entry.object.metadata.ownerReferences ?? []) this.#enqueue(owner.uid)
    } else {
      this.#index(entry)
      const { metadata } = entry.object
      if (metadata.ownerReferences !== undefined || metadata.deletionTimestamp !== undefined) this.#enqueue(uid)
    }
  }

  #index(entry: Entry): void {
    const { uid, ownerReferences = [] } = entry.object.metadata
    if (uid === undefined) return
    this.#living.set(uid, entry)
    for (const owner of ownerReferences) {
      let dependents = this.#dependents.get(owner.uid)
      if (dependents === undefined) {
        dependents = new Map()
        this.#dependents.set(owner.uid, dependents)
      }
      dependents.set(uid, entry)
    }
  }

  #unindex(entry: Entry): void {
    const { uid = '', ownerReferences = [] } = entry.object.metadata
    this.#living.delete(uid)
    for (const owner of ownerReferences) {
      const dependents = this.#dependents.get(owner.uid)
      dependents?.delete(uid)
      if (dependents?.size === 0) this.#dependents.delete(owner.uid)
    }
  }

  #enqueue(uid: string): void {
    this.#queue.add(uid)
    this.#wake()
  }

  #work(): void {
    const uids = [...this.#queue]
    this.#queue.clear()
    for (const uid of uids) {
      const entry = this.#living.get(uid)
      if (entry === undefined) continue
      if (entry.object.metadata.deletionTimestamp !== undefined) this.#finishDeletion(uid, entry)
      else this.#checkOwners(entry)
    }
  }

  #checkOwners(entry: Entry): void {
    const { ownerReferences = [] } = entry.object.metadata
    if (ownerReferences.length === 0) return
    const living = ownerReferences.filter((owner) => {
      const found = this.#living.get(owner.uid)
      // An owner in another namespace is no owner.
      return found !== undefined && (found.namespace === '' || found.namespace === entry.namespace)
    })
    if (living.length === 0) this.#delete(entry, undefined)
    else if (living.every((owner) => this.#waitsForDependents(owner.uid))) this.#delete(entry, 'Foreground')
  }

  #waitsForDependents(uid: string): boolean {
    const metadata = this.#living.get(uid)?.object.metadata
    return metadata?.deletionTimestamp !== undefined && metadata.finalizers?.includes('foregroundDeletion') === true
  }

  #finishDeletion(uid: string, entry: Entry): void {
    const { finalizers = [] } = entry.object.metadata
    const dependents = [...(this.#dependents.get(uid)?.values() ?? [])]
    if (finalizers.includes('orphan')) {
      for (const dependent of dependents) this.#orphan(dependent, uid)
      this.#removeFinalizer(entry, 'orphan')
    } else if (finalizers.includes('foregroundDeletion')) {
      for (const dependent of dependents) this.#checkOwners(this.#current(dependent) ?? dependent)
      const blocking = [...(this.#dependents.get(uid)?.values() ?? [])].some((dependent) =>
        dependent.object.metadata.ownerReferences?.some(
          (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
        ),
      )
      if (!blocking) this.#removeFinalizer(entry, 'foregroundDeletion')
    }
  }

  #current({ resource, namespace, name }: Entry): Entry | undefined {
    return this.#api.store.get(resource, namespace, name)
  }

  #delete(entry: Entry, propagationPolicy: 'Foreground' | undefined): void {
    const current = this.#current(entry)
    const kind = this.#api.kinds.all().find((one) => one.storage === entry.resource)
    if (current === undefined || kind === undefined || current.object.metadata.deletionTimestamp !== undefined) return
    const foreground = propagationPolicy !== undefined && this.#dependents.has(current.object.metadata.uid ?? '')
    deleteObject(this.#api, storageTarget(kind), current, {
      dryRun: false,
      ...(foreground ? { propagationPolicy } : {}),
    })
  }

  #orphan(dependent: Entry, ownerUid: string): void {
    const current = this.#current(dependent)
    if (current === undefined) return
    const object = clone(current.object)
    const left = object.metadata.ownerReferences?.filter((owner) => owner.uid !== ownerUid) ?? []
    if (left.length > 0) object.metadata.ownerReferences = left
    else delete object.metadata.ownerReferences
    settle(this.#api, current, object)
  }

  #removeFinalizer(entry: Entry, finalizer: string): void {
    const current = this.#current(entry)
    if (current === undefined) return
    const object = clone(current.object)
    const left = object.metadata.finalizers?.filter((one) => one !== finalizer) ?? []
    if (left.length > 0) object.metadata.finalizers = left
    else delete object.metadata.finalizers
    settle(this.#api, current, object)
  }
}
