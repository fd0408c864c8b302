/** OpenAPI schemas of built-in types, made from the field tables. Shared nodes are shared objects: a graph without copies. */
import type { Schema } from '../kind.ts'
import { APPLY_KEYS, APPLY_SETS, ATOMIC, ATOMIC_MAPS, MERGE_KEYS, RETAIN_KEYS, SETS } from './merge-keys.ts'
import { type Field, message } from './messages.ts'

/** Defaults of fields that are keys of lists: an item without one is the same item as with it. */
const DEFAULTS: Readonly<Record<string, string>> = {
  'core.v1.ContainerPort.protocol': 'TCP',
  'core.v1.ServicePort.protocol': 'TCP',
}

const made = new Map<string, Schema>()

const LEAVES: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  bytes: { type: 'string', format: 'byte' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  json: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  'meta.v1.Time': { type: 'string', format: 'date-time', nullable: true },
  'meta.v1.MicroTime': { type: 'string', format: 'date-time', nullable: true },
  'meta.v1.FieldsV1': { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  'api.resource.Quantity': { 'x-kubernetes-int-or-string': true },
  'util.intstr.IntOrString': { 'x-kubernetes-int-or-string': true, format: 'int-or-string' },
  'authentication.v1.ExtraValue': { type: 'array', items: { type: 'string' } },
  'authorization.v1.ExtraValue': { type: 'array', items: { type: 'string' } },
}

export function schemaOf(name: string): Schema {
  const leaf = LEAVES[name]
  if (leaf !== undefined) return leaf
  let schema = made.get(name)
  if (schema !== undefined) return schema
  const properties: Record<string, Schema> = {}
  schema = { type: 'object', properties }
  if (ATOMIC.has(name)) schema['x-kubernetes-map-type'] = 'atomic'
  made.set(name, schema)
  const required: string[] = []
  addFields(name, properties, required)
  if (required.length > 0) schema.required = required
  return schema
}

function addFields(name: string, properties: Record<string, Schema>, required: string[]): void {
  for (const field of message(name).fields) {
    if (field.inlined) {
      addFields(field.of, properties, required)
      continue
    }
    properties[field.name] = fieldSchema(name, field)
    if (field.always) required.push(field.name)
  }
}

function fieldSchema(owner: string, field: Field): Schema {
  const path = `${owner}.${field.name}`
  const value = schemaOf(field.of)
  if (field.map) {
    const map: Schema = { type: 'object', additionalProperties: value }
    return ATOMIC_MAPS.has(path) ? { ...map, 'x-kubernetes-map-type': 'atomic' } : map
  }
  if (field.repeated) return listSchema(path, value)
  if (path in DEFAULTS) return { ...value, default: DEFAULTS[path] }
  return RETAIN_KEYS.has(path) ? { ...value, 'x-kubernetes-patch-strategy': 'retainKeys' } : value
}

function listSchema(path: string, items: Schema): Schema {
  const list: Schema = { type: 'array', items, 'x-kubernetes-list-type': 'atomic' }
  const merge = MERGE_KEYS[path]
  if (merge !== undefined) {
    list['x-kubernetes-patch-merge-key'] = merge.key
    list['x-kubernetes-patch-strategy'] = RETAIN_KEYS.has(path) ? 'merge,retainKeys' : 'merge'
    list['x-kubernetes-list-type'] = 'map'
    list['x-kubernetes-list-map-keys'] = [...(merge.apply ?? [merge.key])]
  } else if (APPLY_KEYS[path] !== undefined) {
    list['x-kubernetes-list-type'] = 'map'
    list['x-kubernetes-list-map-keys'] = [...APPLY_KEYS[path]]
  } else if (SETS.has(path)) {
    list['x-kubernetes-patch-strategy'] = 'merge'
    list['x-kubernetes-list-type'] = 'set'
  } else if (APPLY_SETS.has(path)) list['x-kubernetes-list-type'] = 'set'
  return list
}

/** The schema of a kind: its message with apiVersion and kind. */
export function kindSchema(messageName: string): Schema {
  const key = `kind ${messageName}`
  let schema = made.get(key)
  if (schema === undefined) {
    const body = schemaOf(messageName)
    schema = { ...body, properties: { apiVersion: LEAVES['string'], kind: LEAVES['string'], ...body.properties } }
    made.set(key, schema)
  }
  return schema
}
