import { isObject } from '../json.ts'
import { at, child } from './path.ts'
import { fieldSchema, type SchemaNode } from './types.ts'

/**
 * Removes in place what the schema does not name, below `x-kubernetes-preserve-unknown-fields` excepted, and adds the paths of
 * what it removed to `unknown` (fieldValidation tells them).
 */
export function prune(value: unknown, schema: SchemaNode, unknown: string[], path = '', isRoot = true): void {
  if (Array.isArray(value)) {
    if (schema.items === undefined) return
    for (let i = 0; i < value.length; i++) prune(value[i], schema.items, unknown, at(path, i), false)
    return
  }
  if (!isObject(value)) return
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true
  const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true
  for (const [field, inner] of Object.entries(value)) {
    // Type and object metadata of a resource are not in its schema; their own code looks after them.
    if (isResource && (field === 'apiVersion' || field === 'kind' || field === 'metadata')) continue
    const known = fieldSchema(schema, field)
    if (known !== undefined) prune(inner, known, unknown, child(path, field), false)
    else if (!open) {
      unknown.push(child(path, field))
      delete value[field]
    }
  }
}
