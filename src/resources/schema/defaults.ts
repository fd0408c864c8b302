import { isObject } from '../json.ts'
import { fieldSchema, type SchemaNode } from './types.ts'

/**
 * Fills in place what is absent and has a default, outside in, so that a default object gets its own fields' defaults. A null in a
 * field that is not nullable counts as absent (apiextensions defaulting/{algorithm,prunenulls}.go).
 */
export function applyDefaults(value: unknown, schema: SchemaNode): void {
  if (Array.isArray(value)) {
    const { items } = schema
    if (items === undefined) return
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && items.nullable !== true && items.default !== undefined) value[i] = copy(items.default)
      applyDefaults(value[i], items)
    }
    return
  }
  if (!isObject(value)) return
  for (const [field, node] of Object.entries(schema.properties ?? {})) {
    if (node.default === undefined) continue
    if (!Object.hasOwn(value, field) || (value[field] === null && node.nullable !== true))
      value[field] = copy(node.default)
  }
  for (const field of Object.keys(value)) {
    const node = fieldSchema(schema, field)
    if (node === undefined) continue
    if (value[field] === null && node.nullable !== true) {
      if (node.default === undefined) delete value[field]
      else value[field] = copy(node.default)
    }
    applyDefaults(value[field], node)
  }
}

function copy(value: unknown): never {
  return structuredClone(value) as never
}
