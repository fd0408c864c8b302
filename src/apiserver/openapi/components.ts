import type { Schema } from '../kind.ts'

const done = new WeakMap<Schema, Schema>()

/** int-or-string in the form that OpenAPI v3 readers know (Kubernetes publishes it so). */
export function inlineShared(schema: Schema): Schema {
  let copy = done.get(schema)
  if (copy !== undefined) return copy
  if (schema['x-kubernetes-int-or-string'] === true) {
    copy = { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }
    done.set(schema, copy)
    return copy
  }
  copy = { ...schema }
  done.set(schema, copy)
  if (schema.properties !== undefined) {
    copy.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, inlineShared(field)]),
    )
  }
  if (schema.items !== undefined) copy.items = inlineShared(schema.items)
  if (typeof schema.additionalProperties === 'object')
    copy.additionalProperties = inlineShared(schema.additionalProperties)
  return copy
}
