/** Metadata that the server writes, and clients only send back. */
import type { Metadata } from '../object.ts'
import { type FieldError, forbiddenField } from '../status.ts'

export function resetSystemFields(metadata: Metadata): void {
  for (const field of [
    'uid',
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
  ] as const) {
    delete (metadata as unknown as Record<string, unknown>)[field]
  }
}

const SYSTEM_FIELDS = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'generateName',
] as const

export function keepSystemFields(metadata: Metadata, old: Metadata): void {
  const to = metadata as unknown as Record<string, unknown>
  const from = old as unknown as Record<string, unknown>
  for (const field of SYSTEM_FIELDS) {
    if (from[field] === undefined) delete to[field]
    else to[field] = from[field]
  }
  delete to['selfLink']
}

export function dropEmptyMetadata(metadata: Metadata): void {
  const fields = metadata as unknown as Record<string, unknown>
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    const empty = value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
    // An empty managedFields resets the ownership, so it has to be seen.
    if (empty && key !== 'managedFields') delete fields[key]
  }
}

export function newFinalizers(metadata: Metadata, old: Metadata): FieldError[] {
  if (old.deletionTimestamp === undefined) return []
  const added = (metadata.finalizers ?? []).filter((finalizer) => !(old.finalizers ?? []).includes(finalizer))
  if (added.length === 0) return []
  const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`
  return [
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
    ),
  ]
}
