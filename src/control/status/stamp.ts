import type { Condition } from '../../kube/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: the status of whatever kind is written
export type Status = Record<string, any>

/**
 * A status with `lastTransitionTime` in every condition, however deep it stands: a condition keeps its time while its status
 * stays. Entries of lists are matched with those of the current status by `name`, else by place.
 */
export function stamp(status: Status, current: Status | undefined, now: string): Status {
  return Object.fromEntries(
    Object.entries(status).map(([field, value]) => {
      const before = current?.[field]
      if (field === 'conditions' && Array.isArray(value)) return [field, stampConditions(value, before, now)]
      if (Array.isArray(value)) return [field, value.map((entry, i) => stampEntry(entry, before, i, now))]
      return [field, isObject(value) ? stamp(value, isObject(before) ? before : undefined, now) : value]
    }),
  )
}

function stampEntry(entry: unknown, before: unknown, index: number, now: string): unknown {
  if (!isObject(entry)) return entry
  const list: unknown[] = Array.isArray(before) ? before : []
  const name = entry['name']
  const known = name === undefined ? list[index] : list.find((other) => isObject(other) && other['name'] === name)
  return stamp(entry, isObject(known) ? known : undefined, now)
}

function stampConditions(conditions: readonly Condition[], before: unknown, now: string): Condition[] {
  const list: Condition[] = Array.isArray(before) ? before : []
  return conditions.map((condition) => {
    const known = list.find((other) => other.type === condition.type)
    const kept = known?.status === condition.status ? known.lastTransitionTime : undefined
    return { ...condition, lastTransitionTime: kept ?? now }
  })
}

function isObject(value: unknown): value is Status {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
