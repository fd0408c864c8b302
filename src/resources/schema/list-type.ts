import { type FieldError, forbidden, invalid, notSupported, required } from './field-error.ts'
import { child } from './path.ts'
import type { SchemaNode } from './types.ts'

const SCALARS = new Set(['string', 'integer', 'number', 'boolean'])

/** Whether the merge types of lists and maps make sense (apiextensions validation.go, x-kubernetes-list-type and -map-type). */
export function listProblems(schema: SchemaNode, path: string): FieldError[] {
  const errors: FieldError[] = []
  const type = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const at = child(path, 'x-kubernetes-list-type')
  const keysAt = child(path, 'x-kubernetes-list-map-keys')
  const mapType = schema['x-kubernetes-map-type']
  if (mapType !== undefined && schema.type !== 'object') {
    errors.push(invalid(child(path, 'type'), schema.type ?? '', 'must be object if x-kubernetes-map-type is specified'))
  }
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(notSupported(child(path, 'x-kubernetes-map-type'), mapType, ['atomic', 'granular']))
  }
  if (type !== undefined && !['atomic', 'set', 'map'].includes(type)) {
    errors.push(notSupported(at, type, ['atomic', 'set', 'map']))
  }
  if (type !== undefined && schema.type !== 'array') {
    errors.push(invalid(child(path, 'type'), schema.type ?? '', 'must be array if x-kubernetes-list-type is specified'))
  }
  if (type !== 'map') {
    if (keys.length > 0) errors.push(forbidden(keysAt, 'may only be set if x-kubernetes-list-type is map'))
    if (type === 'set') errors.push(...setProblems(schema, path))
    return errors
  }
  if (keys.length === 0) errors.push(required(keysAt, 'must not be empty if x-kubernetes-list-type is map'))
  errors.push(...keyProblems(schema, keys, path, keysAt))
  return errors
}

function setProblems({ items }: SchemaNode, path: string): FieldError[] {
  if (items === undefined) return []
  if (items.nullable === true) {
    return [forbidden(child(path, 'items.nullable'), 'cannot be nullable when x-kubernetes-list-type is set')]
  }
  const isAtomic =
    items['x-kubernetes-map-type'] === 'atomic' || (items.type === 'array' && items['x-kubernetes-list-type'] !== 'map')
  if (isAtomic || SCALARS.has(items.type ?? '') || items['x-kubernetes-int-or-string'] === true) return []
  const why = 'items of a set must be scalars, atomic maps or atomic lists'
  return [invalid(child(path, 'items.type'), items.type ?? '', why)]
}

function keyProblems(schema: SchemaNode, keys: readonly string[], path: string, keysAt: string): FieldError[] {
  const { items } = schema
  if (items === undefined) return []
  if (items.type !== 'object') {
    return [
      invalid(
        child(path, 'items.type'),
        items.type ?? '',
        'must be object if parent array’s x-kubernetes-list-type is map',
      ),
    ]
  }
  const errors: FieldError[] = []
  keys.forEach((key, i) => {
    const node = items.properties?.[key]
    const there = `${keysAt}[${i}]`
    if (node === undefined) {
      errors.push(invalid(there, key, 'entries must all be names of item properties'))
      return
    }
    if (!SCALARS.has(node.type ?? '') && node['x-kubernetes-int-or-string'] !== true) {
      errors.push(
        invalid(
          `${child(path, 'items')}.properties[${key}].type`,
          node.type ?? '',
          'must be a scalar type if parent array’s x-kubernetes-list-type is map',
        ),
      )
    }
    if (!items.required?.includes(key) && node.default === undefined) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
      errors.push(required(`${child(path, 'items')}.properties[${key}].default`, why))
    }
  })
  return errors
}
