import type { PrepareContext, Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import type { KindRegistry } from '../registry.ts'
import type { Store } from '../store/store.ts'

export interface User {
  readonly name: string
  readonly groups: readonly string[]
}

/** What the REST operations work on. */
export interface Api {
  readonly store: Store
  readonly kinds: KindRegistry
  readonly prepare: PrepareContext
}

/** An object in the version that was asked for. Versions differ in name only (conversion None), except for events. */
export function inVersion(target: Target, object: ApiObject): ApiObject {
  const convert = target.kind.behaviour.toVersion
  if (convert !== undefined) return convert(object, target.kind.group, target.version.version)
  return object.apiVersion === target.apiVersion ? object : { ...object, apiVersion: target.apiVersion }
}
