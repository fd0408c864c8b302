import { isObject } from '../json.ts'
import { child, type SchemaNode } from './types.ts'

/**
 * Removes in place what the schema does not name, below `x-kubernetes-preserve-unknown-fields` excepted, and adds the paths of
 * what it removed to `unknown` (fieldValidation tells them). Nulls go where the field is not nullable and has a default, so
 * that the default takes their place (apiextensions defaulting/prunenulls.go).
 */
export function prune(value: unknown, schema: SchemaNode, unknown: string[], path = '', isRoot = true): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) {
      for (let i = 0; i < value.length; i++) prune(value[i], schema.items, unknown, `${path}[${i}]`, false)
    }
    return
  }
  if (!isObject(value)) return
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true
  const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  const resource = isRoot || schema['x-kubernetes-embedded-resource'] === true
  for (const [field, inner] of Object.entries(value)) {
    const known =
      schema.properties !== undefined && Object.hasOwn(schema.properties, field) ? schema.properties[field] : rest
    if (resource && (field === 'apiVersion' || field === 'kind' || field === 'metadata')) continue
    if (known === undefined) {
      if (open) continue
      unknown.push(child(path, field))
      delete value[field]
    } else if (inner === null && known.nullable !== true && known.default !== undefined) delete value[field]
    else prune(inner, known, unknown, child(path, field), false)
  }
}
