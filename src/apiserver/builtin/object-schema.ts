import { isObject, type JsonObject } from '../json.ts'
import { fieldOf, type ObjectSchema, type Schema } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { ApiError } from '../status.ts'
import { kindSchema } from './schema.ts'

/**
 * A built-in kind's schema. Kubernetes decodes these into Go structs: unknown fields vanish, a wrong type is an error of
 * decoding (400), and rules on values are the kind's own code.
 */
export function builtinSchema(messageName: string): ObjectSchema {
  const openapi = kindSchema(messageName)
  return {
    openapi,
    prune: (object) => pruneBuiltin(object, openapi),
    applyDefaults() {},
    validate: () => [],
  }
}

/** Removes unknown fields in place and answers their paths; throws on values of a wrong type. */
function pruneBuiltin(object: ApiObject, openapi: Schema): string[] {
  const unknown: string[] = []
  walk(object, openapi, '', unknown, object.kind, object.apiVersion)
  return unknown
}

function walk(
  value: JsonObject | ApiObject,
  schema: Schema,
  path: string,
  unknown: string[],
  kind: string,
  apiVersion: string,
): void {
  for (const key of Object.keys(value)) {
    const here = path === '' ? key : `${path}.${key}`
    const field = fieldOf(schema, key)
    if (field === undefined) {
      if (schema['x-kubernetes-preserve-unknown-fields'] === true) continue
      unknown.push(here)
      delete value[key]
      continue
    }
    // A null is Go's zero value: the field as if it had not been sent. What the schema leaves open is not looked into.
    if (value[key] === null) {
      delete value[key]
      continue
    }
    check(value[key], field, here, unknown, kind, apiVersion)
  }
}

function check(
  value: unknown,
  schema: Schema,
  path: string,
  unknown: string[],
  kind: string,
  apiVersion: string,
): void {
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (typeof value !== 'string' && typeof value !== 'number')
      throw wrongType(value, 'int or string', path, kind, apiVersion)
    return
  }
  switch (schema.type) {
    case 'object':
      if (!isObject(value)) throw wrongType(value, 'map', path, kind, apiVersion)
      walk(value, schema, path, unknown, kind, apiVersion)
      return
    case 'array':
      if (!Array.isArray(value)) throw wrongType(value, 'slice', path, kind, apiVersion)
      value.forEach((item, i) => {
        if (item !== null) check(item, schema.items ?? {}, `${path}[${i}]`, unknown, kind, apiVersion)
      })
      return
    case 'string':
      if (typeof value !== 'string') throw wrongType(value, 'string', path, kind, apiVersion)
      return
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongType(value, 'bool', path, kind, apiVersion)
      return
    case 'integer':
      if (!Number.isInteger(value)) throw wrongType(value, schema.format ?? 'int64', path, kind, apiVersion)
      return
    case 'number':
      if (typeof value !== 'number') throw wrongType(value, 'float64', path, kind, apiVersion)
  }
}

function wrongType(value: unknown, wanted: string, path: string, kind: string, apiVersion: string): ApiError {
  const is = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
  const message = `${kind} in version "${version}" cannot be handled as a ${kind}: json: cannot unmarshal ${is} into Go struct field ${kind}.${path} of type ${wanted}`
  return new ApiError(400, 'BadRequest', message)
}
