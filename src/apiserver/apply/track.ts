import type { Schema } from '../kind.ts'
import type { ApiObject } from '../object.ts'

export interface Tracking {
  readonly manager: string
  readonly apiVersion: string
  readonly subresource: string
  readonly schema: Schema
}

/** Records in managedFields what an update (not an apply) changed. */
export function trackUpdate(_object: ApiObject, _old: ApiObject | undefined, _by: Tracking): void {}
