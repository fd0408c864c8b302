import type { PrepareContext, Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import type { KindRegistry } from '../registry.ts'
import type { Store } from '../store/store.ts'
import type { WriteOptions } from './options.ts'

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

/** One write in the making. */
export interface Write {
  readonly target: Target
  readonly namespace: string
  readonly subresource: string
  readonly options: WriteOptions
  /** Duplicate keys that were seen in the text of the body. */
  readonly duplicates: readonly string[]
  readonly warnings: string[]
  /** Server-side apply computes managedFields itself. */
  readonly applied?: boolean
}

/** An object in the version that was asked for. Versions differ in name only (conversion None), except for events. */
export function inVersion(target: Target, object: ApiObject): ApiObject {
  const convert = target.kind.behaviour.toVersion
  if (convert !== undefined) return convert(object, target.kind.group, target.version.version)
  return object.apiVersion === target.apiVersion ? object : { ...object, apiVersion: target.apiVersion }
}
