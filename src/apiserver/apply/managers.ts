/** metadata.managedFields: who owns which fields. */
import { timestamp } from '../json.ts'
import type { ManagedFieldsEntry } from '../object.ts'
import { FieldSet } from './field-set.ts'

export interface Manager {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

/** More update managers than this are merged, oldest first (managedfields capmanagers.go). */
const MAX_UPDATE_MANAGERS = 10
const ANCIENT = 'ancient-changes'

export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] {
  return (entries ?? [])
    .filter((entry) => entry.operation === 'Apply' || entry.operation === 'Update')
    .map((entry) => ({
      manager: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: FieldSet.fromJson(entry.fieldsV1),
    }))
}

export function writeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return [...capped(managers)]
    .filter(({ fields }) => !fields.empty)
    .sort(compareManagers)
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      time: time ?? timestamp(),
      fieldsType: 'FieldsV1',
      fieldsV1: fields.toJson(),
      ...(subresource === '' ? {} : { subresource }),
    }))
}

export function sameManager(a: Manager, b: Omit<Manager, 'fields' | 'time'>): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    // Who applies in another version is still the same applier (managedfields BuildManagerIdentifier).
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion) &&
    a.subresource === b.subresource
  )
}

/** Apply before Update, then by time, then by name. */
function compareManagers(a: Manager, b: Manager): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1
  const [x, y] = [a.time ?? '', b.time ?? '']
  if (x !== y) return x < y ? -1 : 1
  return a.manager < b.manager ? -1 : a.manager > b.manager ? 1 : 0
}

function capped(managers: readonly Manager[]): readonly Manager[] {
  const updates = managers.filter(({ operation, subresource }) => operation === 'Update' && subresource === '')
  if (updates.length <= MAX_UPDATE_MANAGERS) return managers
  const oldest = [...updates].sort(compareManagers).slice(0, updates.length - MAX_UPDATE_MANAGERS + 1)
  const merged = new Map<string, Manager>()
  for (const one of oldest) {
    const known = merged.get(one.apiVersion)
    merged.set(one.apiVersion, {
      ...one,
      manager: ANCIENT,
      fields: known === undefined ? one.fields : known.fields.union(one.fields),
    })
  }
  return [...managers.filter((one) => !oldest.includes(one)), ...merged.values()]
}
