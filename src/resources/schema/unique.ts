import { isObject } from '../json.ts'
import { type Correlated, correlateField, correlateItem, isUnchanged } from './correlate.ts'
import { duplicate, type FieldError } from './field-error.ts'
import { at, child, keyed } from './path.ts'
import { fieldSchema, isProperty, type SchemaNode } from './types.ts'

/** `x-kubernetes-list-type` promises that keys (map) or items (set) are unique (apiextensions schema/listtype/validation.go). */
export function checkUnique(
  value: unknown,
  before: Correlated | undefined,
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
): void {
  if (isUnchanged(before, value)) return
  if (Array.isArray(value)) {
    checkList(value, schema, path, errors)
    if (schema.items === undefined) return
    for (let i = 0; i < value.length; i++) {
      checkUnique(value[i], correlateItem(before, schema, value[i]), schema.items, at(path, i), errors)
    }
  } else if (isObject(value)) {
    for (const [field, inner] of Object.entries(value)) {
      const node = fieldSchema(schema, field)
      if (node === undefined) continue
      const there = isProperty(schema, field) ? child(path, field) : keyed(path, field)
      checkUnique(inner, correlateField(before, schema, field), node, there, errors)
    }
  }
}

function checkList(value: readonly unknown[], schema: SchemaNode, path: string, errors: FieldError[]): void {
  const type = schema['x-kubernetes-list-type']
  if (type !== 'set' && type !== 'map') return
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const seen = new Map<string, number>()
  value.forEach((item, i) => {
    const key = type === 'map' && isObject(item) ? keysOf(item, keys) : item
    const text = JSON.stringify(key)
    const times = (seen.get(text) ?? 0) + 1
    seen.set(text, times)
    // A third one would only repeat what the second has said.
    if (times === 2) errors.push(duplicate(at(path, i), key))
  })
}

function keysOf(item: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(item, key)).map((key) => [key, item[key]]))
}
