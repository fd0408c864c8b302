import { messageOf } from '../../errors.ts'
import { KubeApiError, type KubeClient, type KubeObject, keyOf, type ResourceType } from '../../kube/index.ts'
import { logger } from '../../telemetry/log.ts'
import { type Status, stamp } from './stamp.ts'

const log = logger('status')

const FIELD_MANAGER = 'sluice-control'
/** A write that failed is tried again after this time, or when something else is to be said. */
const RETRY_MS = 2_000

interface Wish {
  readonly type: ResourceType
  readonly object: KubeObject
  readonly status: Status
  /** The status without times, to tell wishes apart. */
  readonly text: string
}

interface Slot {
  /** What is wanted now; replaced while a write is under way. */
  next: Wish | undefined
  busy: boolean
  /** The last status known to be stored, and for which object. */
  stored: { readonly uid: string | undefined; readonly text: string } | undefined
  failed: { readonly text: string; readonly timer: NodeJS.Timeout } | undefined
}

/**
 * Writes status subresources: one write per object at a time, the newest wish wins, and what is already there is not written.
 */
export class StatusWriter {
  readonly #kube: KubeClient
  readonly #now: () => Date
  readonly #slots = new Map<string, Slot>()
  #stopped = false

  constructor(kube: KubeClient, now: () => Date = () => new Date()) {
    this.#kube = kube
    this.#now = now
  }

  /** Wishes this status for the object. Conditions get their transition times here; null takes a field away. */
  write(type: ResourceType, object: KubeObject, status: Status): void {
    const id = idOf(type, object)
    const slot = this.#slots.get(id) ?? { next: undefined, busy: false, stored: undefined, failed: undefined }
    this.#slots.set(id, slot)
    this.#wish(id, slot, { type, object, status, text: canonical(status) })
  }

  /** Writes nothing more. */
  stop(): void {
    this.#stopped = true
    for (const { failed } of this.#slots.values()) clearTimeout(failed?.timer)
  }

  /** Forgets an object that is gone. */
  forget(type: ResourceType, object: KubeObject): void {
    const id = idOf(type, object)
    clearTimeout(this.#slots.get(id)?.failed?.timer)
    this.#slots.delete(id)
  }

  #wish(id: string, slot: Slot, wish: Wish): void {
    if (this.#stopped || slot.failed?.text === wish.text) return
    clearTimeout(slot.failed?.timer)
    slot.failed = undefined
    slot.next = wish
    if (!slot.busy) void this.#run(id, slot)
  }

  async #run(id: string, slot: Slot): Promise<void> {
    slot.busy = true
    while (slot.next !== undefined && !this.#stopped) {
      const wish = slot.next
      slot.next = undefined
      if (!isStored(slot, wish)) await this.#write(id, slot, wish)
    }
    slot.busy = false
  }

  async #write(id: string, slot: Slot, wish: Wish): Promise<void> {
    const { type, object, status, text } = wish
    const now = this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
    const body = { status: stamp(status, object['status'], now) }
    try {
      await this.#kube.patch(type, object.metadata, 'merge', body, {
        subresource: 'status',
        fieldManager: FIELD_MANAGER,
      })
      slot.stored = { uid: object.metadata.uid, text }
    } catch (error) {
      slot.stored = undefined
      // Deleted in the meantime: nothing to tell.
      if (this.#stopped || (error instanceof KubeApiError && error.notFound)) return
      log.warn({ object: id, error: messageOf(error) }, 'status could not be written; trying again')
      const timer = setTimeout(() => {
        slot.failed = undefined
        if (slot.next === undefined) this.#wish(id, slot, wish)
      }, RETRY_MS)
      slot.failed = { text, timer: timer.unref() }
    }
  }
}

function idOf(type: ResourceType, object: KubeObject): string {
  return `${type.plural}.${type.group}/${keyOf(object)}`
}

function isStored({ stored }: Slot, { object, status, text }: Wish): boolean {
  if (stored?.uid === object.metadata.uid && stored !== undefined) return stored.text === text
  const current: Status = object['status'] ?? {}
  return canonical(Object.fromEntries(Object.keys(status).map((field) => [field, current[field]]))) === text
}

/** The status as text that compares: fields in order, without times and without what null takes away. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (key, part) => {
    if (part === null || key === 'lastTransitionTime') return undefined
    if (typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
