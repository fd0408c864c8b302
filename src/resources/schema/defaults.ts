import { isObject } from '../json.ts'
import type { SchemaNode } from './types.ts'

/** Fills in place what is absent and has a default, outside in, so that a default object gets its own fields' defaults. */
export function applyDefaults(value: unknown, schema: SchemaNode): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(item, schema.items)
    return
  }
  if (!isObject(value)) return
  const { properties = {}, additionalProperties } = schema
  for (const [field, node] of Object.entries(properties)) {
    if (value[field] === undefined && node.default !== undefined) value[field] = structuredClone(node.default) as never
    applyDefaults(value[field], node)
  }
  if (typeof additionalProperties !== 'object') return
  for (const [field, inner] of Object.entries(value)) {
    if (!Object.hasOwn(properties, field)) applyDefaults(inner, additionalProperties)
  }
}
