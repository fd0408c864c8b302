import { isObject } from '../json.ts'
import { equal } from './equal.ts'
import type { SchemaNode } from './types.ts'

/**
 * The value that stood in the same place before an update (apiserver/pkg/cel/common CorrelatedObject). Items of a list have one only
 * when the list is a map, by its keys; what is inside an atomic list or map has none.
 */
export interface Correlated {
  readonly old: unknown
}

export function correlateField(before: Correlated | undefined, schema: SchemaNode, field: string) {
  if (before === undefined || schema['x-kubernetes-map-type'] === 'atomic') return undefined
  const { old } = before
  return isObject(old) && Object.hasOwn(old, field) ? { old: old[field] } : undefined
}

export function correlateItem(before: Correlated | undefined, schema: SchemaNode, item: unknown) {
  const keys = schema['x-kubernetes-list-map-keys']
  if (before === undefined || schema['x-kubernetes-list-type'] !== 'map' || keys === undefined) return undefined
  if (!Array.isArray(before.old) || !isObject(item)) return undefined
  for (const old of before.old) {
    if (isObject(old) && keys.every((key) => equal(old[key], item[key]))) return { old: old as unknown }
  }
  return undefined
}

/** Validation ratcheting (Kubernetes 1.30 and later): what was stored like this already may stay, whatever the schema says now. */
export function isUnchanged(before: Correlated | undefined, value: unknown): boolean {
  return before !== undefined && equal(before.old, value)
}
