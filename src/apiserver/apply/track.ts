import { timestamp } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { type Manager, readManagers, sameManager, writeManagers } from './managers.ts'
import { ownable } from './scope.ts'
import { compare, typedSchema } from './typed.ts'

/**
 * Records in managedFields what a write other than an apply changed: changed fields go to (manager, Update) and leave all
 * others; what else the manager owns stays with it.
 */
export function trackUpdate(
  object: ApiObject,
  old: ApiObject | undefined,
  target: Target,
  manager: string,
  subresource: string,
): void {
  const given = object.metadata.managedFields
  // `[]` and `[{}]` reset; anything else a client writes is believed, because it may move fields between managers.
  if (old !== undefined && given !== undefined && isReset(given)) {
    delete object.metadata.managedFields
    return
  }
  const known = readManagers(given === undefined || old === undefined ? old?.metadata.managedFields : given)
  const { changed, removed } = compare(old ?? {}, object, typedSchema(target.version.schema.openapi))
  const mine = { manager, operation: 'Update', apiVersion: target.apiVersion, subresource } as const
  const fresh = ownable(changed, target, subresource)
  let found = false
  const managers = known.map((one): Manager => {
    const kept = one.fields.difference(removed)
    if (!sameManager(one, mine)) return { ...one, fields: kept.difference(fresh) }
    found = true
    const fields = kept.union(fresh)
    return { ...one, fields, time: fields.equals(one.fields) && fresh.empty ? one.time : timestamp() }
  })
  if (!found && !fresh.empty) managers.push({ ...mine, fields: fresh, time: timestamp() })
  const entries = writeManagers(managers)
  if (entries.length === 0) delete object.metadata.managedFields
  else object.metadata.managedFields = entries
}

function isReset(entries: readonly object[]): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0]).length === 0)
}
