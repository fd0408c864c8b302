import { messageOf } from '../../errors.ts'
import {
  type Condition,
  KubeApiError,
  type KubeClient,
  type KubeObject,
  keyOf,
  type ResourceType,
} from '../../kube/index.ts'
import { logger } from '../../telemetry/log.ts'

const log = logger('status')

const FIELD_MANAGER = 'sluice-control'

// biome-ignore lint/suspicious/noExplicitAny: the status of whatever kind is written
export type Status = Record<string, any>

interface Slot {
  /** What is wanted now; replaced while a write is under way. */
  next: { object: KubeObject; status: Status } | undefined
  busy: boolean
  /** The last status known to be stored, and for which object. */
  stored: { uid: string | undefined; text: string } | undefined
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

  /** Wishes this status for the object. `conditions` get their transition times here. */
  write(type: ResourceType, object: KubeObject, status: Status): void {
    const id = `${type.plural}.${type.group}/${keyOf(object)}`
    const slot = this.#slots.get(id) ?? { next: undefined, busy: false, stored: undefined }
    this.#slots.set(id, slot)
    slot.next = { object, status }
    if (!slot.busy && !this.#stopped) void this.#run(type, id, slot)
  }

  /** Writes nothing more. */
  stop(): void {
    this.#stopped = true
  }

  async #run(type: ResourceType, id: string, slot: Slot): Promise<void> {
    slot.busy = true
    while (slot.next !== undefined && !this.#stopped) {
      const { object, status } = slot.next
      slot.next = undefined
      const current: Status = object['status'] ?? {}
      const uid = object.metadata.uid
      const text = JSON.stringify(plain(status))
      const same = slot.stored?.uid === uid ? slot.stored?.text === text : contains(current, status)
      if (same) continue
      try {
        const body = { status: { ...status, conditions: this.#stamp(status['conditions'], current['conditions']) } }
        await this.#kube.patch(type, object.metadata, 'merge', body, {
          subresource: 'status',
          fieldManager: FIELD_MANAGER,
        })
        slot.stored = { uid, text }
      } catch (error) {
        slot.stored = undefined
        // Deleted in the meantime: nothing to tell.
        if (this.#stopped || (error instanceof KubeApiError && error.notFound)) break
        log.warn({ object: id, error: messageOf(error) }, 'status could not be written')
        break
      }
    }
    slot.busy = false
    if (slot.next === undefined && slot.stored === undefined) this.#slots.delete(id)
  }

  /** A condition keeps its transition time while its status stays. */
  #stamp(
    conditions: readonly Condition[] | undefined,
    current: readonly Condition[] | undefined,
  ): Condition[] | undefined {
    const now = this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
    return conditions?.map((condition) => {
      const known = current?.find((other) => other.type === condition.type)
      const kept = known?.status === condition.status ? known.lastTransitionTime : undefined
      return { ...condition, lastTransitionTime: kept ?? now }
    })
  }

  /** Forget an object that is gone. */
  forget(type: ResourceType, object: KubeObject): void {
    this.#slots.delete(`${type.plural}.${type.group}/${keyOf(object)}`)
  }
}

/** The status as it will read back: null (which deletes in a merge patch) and undefined are absent. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part) => (part === null || key === 'lastTransitionTime' ? undefined : part)),
  )
}

function contains(current: Status, wanted: Status): boolean {
  const picked = Object.fromEntries(Object.keys(wanted).map((field) => [field, current[field]]))
  return canonical(plain(picked)) === canonical(plain(wanted))
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
