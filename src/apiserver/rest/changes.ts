import { deepEqual } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'

/** Times inside managedFields alone are no change: an apply that changes nothing must not wake every watcher. */
export function sameButForTimes(a: ApiObject, b: ApiObject): boolean {
  if (deepEqual(a, b)) return true
  const strip = (object: ApiObject) => ({
    ...object,
    metadata: {
      ...object.metadata,
      managedFields: object.metadata.managedFields?.map(({ time: _, ...entry }) => entry),
    },
  })
  return deepEqual(strip(a), strip(b))
}

/** Custom resources: anything outside metadata (and status, when it has its own endpoint). Built-in kinds name their fields. */
export function generationChanged(target: Target, subresource: string, object: ApiObject, old: ApiObject): boolean {
  if (subresource === 'status') return false
  const fields = target.kind.behaviour.generationOf
  if (fields !== undefined) return fields.some((field) => !deepEqual(object[field], old[field]))
  if (target.kind.builtin) return false
  const content = (value: ApiObject) => {
    const { metadata: _, status, ...rest } = value
    return target.version.status ? rest : { ...rest, status }
  }
  return !deepEqual(content(object), content(old))
}
