/** Values read with their schema: which fields they set, and what differs between two of them. */
import { schemaOf } from '../builtin/schema.ts'
import { deepEqual, isObject, type Json, type JsonObject } from '../json.ts'
import { fieldOf, type Schema } from '../kind.ts'
import { FieldSet } from './field-set.ts'

const withMeta = new WeakMap<Schema, Schema>()

/** A kind's schema whose metadata is fully typed, which CRDs leave out. */
export function typedSchema(openapi: Schema): Schema {
  let schema = withMeta.get(openapi)
  if (schema === undefined) {
    schema = { ...openapi, properties: { ...openapi.properties, metadata: schemaOf('meta.v1.ObjectMeta') } }
    withMeta.set(openapi, schema)
  }
  return schema
}

export type Shape = 'leaf' | 'map' | 'set' | 'keyed'

/** Without a schema (preserve-unknown-fields) objects are granular and lists atomic: upstream's deduced type. */
export function shapeOf(value: unknown, schema: Schema | undefined): Shape {
  if (isObject(value)) return schema?.['x-kubernetes-map-type'] === 'atomic' ? 'leaf' : 'map'
  if (!Array.isArray(value)) return 'leaf'
  if (schema?.['x-kubernetes-list-type'] === 'map') return 'keyed'
  return schema?.['x-kubernetes-list-type'] === 'set' ? 'set' : 'leaf'
}

/** The path element of a list item. Missing keys take the schema's default (`protocol: TCP`). */
export function itemElement(item: Json, schema: Schema | undefined): string {
  if (schema?.['x-kubernetes-list-type'] === 'set') return `v:${JSON.stringify(item)}`
  const keys: JsonObject = {}
  for (const name of [...(schema?.['x-kubernetes-list-map-keys'] ?? [])].sort()) {
    const value =
      (isObject(item) ? item[name] : undefined) ?? (schema?.items?.properties?.[name]?.default as Json | undefined)
    if (value !== undefined) keys[name] = value
  }
  return `k:${JSON.stringify(keys)}`
}

/** structured-merge-diff's ToFieldSet: leaves, items of keyed lists and sets, and keys that are data rather than fields. */
export function toFieldSet(value: unknown, schema: Schema | undefined): FieldSet {
  const set = new FieldSet()
  const shape = shapeOf(value, schema)
  if (shape === 'leaf') set.member = true
  else if (shape === 'map') {
    for (const [key, item] of Object.entries(value as JsonObject)) {
      const child = toFieldSet(item, fieldOf(schema, key))
      const isEmpty = item === null || (isObject(item) && Object.keys(item).length === 0)
      if (isEmpty || schema?.properties === undefined || !Object.hasOwn(schema.properties, key)) child.member = true
      if (!child.empty) set.children.set(`f:${key}`, child)
    }
  } else {
    for (const item of value as Json[]) {
      const child = shape === 'set' ? new FieldSet() : toFieldSet(item, schema?.items)
      child.member = true
      set.children.set(itemElement(item, schema), child)
    }
  }
  return set
}

/** Paths that are in both values with different leaves. */
function modified(a: unknown, b: unknown, schema: Schema | undefined): FieldSet {
  const set = new FieldSet()
  const shape = shapeOf(a, schema)
  if (shape !== shapeOf(b, schema) || shape === 'leaf') {
    set.member = !deepEqual(a, b)
    return set
  }
  if (shape === 'map') {
    const other = b as JsonObject
    for (const [key, value] of Object.entries(a as JsonObject)) {
      if (!Object.hasOwn(other, key)) continue
      const child = modified(value, other[key], fieldOf(schema, key))
      if (!child.empty) set.children.set(`f:${key}`, child)
    }
  } else if (shape === 'keyed') {
    const others = new Map((b as Json[]).map((item) => [itemElement(item, schema), item]))
    for (const item of a as Json[]) {
      const element = itemElement(item, schema)
      const other = others.get(element)
      if (other === undefined) continue
      const child = modified(item, other, schema?.items)
      if (!child.empty) set.children.set(element, child)
    }
  }
  return set
}

export interface Comparison {
  readonly changed: FieldSet
  readonly removed: FieldSet
}

export function compare(from: unknown, to: unknown, schema: Schema): Comparison {
  const before = toFieldSet(from, schema)
  const after = toFieldSet(to, schema)
  return { changed: after.difference(before).union(modified(from, to, schema)), removed: before.difference(after) }
}
