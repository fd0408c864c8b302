import type { ObjectMeta } from '../kube/types.ts'
import type { JsonObject } from './json.ts'

export interface ManagedFieldsEntry {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
  time?: string
  fieldsType: 'FieldsV1'
  fieldsV1: JsonObject
  subresource?: string
}

/** Metadata with what only the server deals in. */
export interface Metadata extends ObjectMeta {
  generateName?: string
  deletionGracePeriodSeconds?: number
  managedFields?: ManagedFieldsEntry[]
}

export interface ApiObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  // biome-ignore lint/suspicious/noExplicitAny: the schema of each kind is data (a CRD or a field table), not a type
  [field: string]: any
}
