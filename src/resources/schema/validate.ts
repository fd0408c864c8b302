import { isObject } from '../json.ts'
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from './field-error.ts'
import { hasFormat, INTEGER_BOUNDS } from './formats.ts'
import { child, type SchemaNode } from './types.ts'

/**
 * Checks a value against the keywords of a structural schema, CEL rules excepted. The wording is that of kube-openapi's
 * validator, which clients show as it is.
 */
export function validate(value: unknown, schema: SchemaNode, path: string, errors: FieldError[]): void {
  if (value === null && schema.nullable === true) return
  const actual = typeName(value)
  if (!fitsType(value, schema)) {
    const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : schema.type
    errors.push(typeInvalid(path, actual, `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`))
    return
  }
  if (schema.enum !== undefined && !schema.enum.some((one) => equal(one, value))) {
    errors.push(notSupported(path, value, schema.enum))
  }
  if (typeof value === 'string') checkString(value, schema, path, errors)
  else if (typeof value === 'number') checkNumber(value, schema, path, errors)
  else if (Array.isArray(value)) checkList(value, schema, path, errors)
  else if (isObject(value)) checkObject(value, schema, path, errors)
  checkJunctors(value, schema, path, errors)
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function fitsType(value: unknown, schema: SchemaNode): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return typeof value === 'string' || Number.isInteger(value)
  if (schema.type === undefined) return true
  const actual = typeName(value)
  return actual === schema.type || (schema.type === 'number' && actual === 'integer')
}

function checkString(value: string, schema: SchemaNode, path: string, errors: FieldError[]): void {
  // Lengths are counted in code points (utf8.RuneCountInString).
  const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : [...value].length
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`))
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) errors.push(tooLong(path, schema.maxLength))
  if (schema.pattern !== undefined && !compiled(schema.pattern).test(value)) {
    errors.push(invalid(path, value, `${path} in body should match '${schema.pattern}'`))
  }
  if (schema.format !== undefined && !hasFormat(schema.format, value)) {
    errors.push(invalid(path, value, `${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`))
  }
}

const patterns = new Map<string, RegExp>()

/** CRD authors may use any pattern; each is compiled once. */
function compiled(pattern: string): RegExp {
  let regex = patterns.get(pattern)
  if (regex === undefined) {
    regex = new RegExp(pattern, 'u')
    patterns.set(pattern, regex)
  }
  return regex
}

function checkNumber(value: number, schema: SchemaNode, path: string, errors: FieldError[]): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, format = '' } = schema
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    errors.push(
      invalid(
        path,
        value,
        `${path} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`,
      ),
    )
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    errors.push(
      invalid(path, value, `${path} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`),
    )
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`))
  }
  const bounds = INTEGER_BOUNDS[format]
  if (bounds !== undefined && (value < bounds[0] || value > bounds[1])) {
    errors.push(invalid(path, value, `Checked value must be of type integer with format ${format} in ${path}`))
  }
}

function checkList(value: unknown[], schema: SchemaNode, path: string, errors: FieldError[]): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.push(invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`))
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    errors.push(tooMany(path, value.length, schema.maxItems))
  }
  if (schema.items !== undefined) {
    for (let i = 0; i < value.length; i++) validate(value[i], schema.items, `${path}[${i}]`, errors)
  }
  checkUnique(value, schema, path, errors)
}

/** `x-kubernetes-list-type` promises that keys (map) or items (set) are unique. */
function checkUnique(value: unknown[], schema: SchemaNode, path: string, errors: FieldError[]): void {
  const type = schema['x-kubernetes-list-type']
  if (type !== 'set' && type !== 'map') return
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const seen = new Set<string>()
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    const key = type === 'map' && isObject(item) ? Object.fromEntries(keys.map((name) => [name, item[name]])) : item
    const text = JSON.stringify(key)
    if (seen.has(text)) errors.push(duplicate(`${path}[${i}]`, key))
    seen.add(text)
  }
}

function checkObject(value: Record<string, unknown>, schema: SchemaNode, path: string, errors: FieldError[]): void {
  const { properties = {}, additionalProperties, minProperties, maxProperties } = schema
  const count = Object.keys(value).length
  if (minProperties !== undefined && count < minProperties) {
    errors.push(invalid(path, count, `${path} in body should have at least ${minProperties} properties`))
  }
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties))
  for (const field of schema.required ?? []) {
    if (!Object.hasOwn(value, field)) errors.push(required(child(path, field)))
  }
  for (const [field, inner] of Object.entries(value)) {
    const node = Object.hasOwn(properties, field)
      ? properties[field]
      : typeof additionalProperties === 'object'
        ? additionalProperties
        : undefined
    if (node !== undefined) validate(inner, node, child(path, field), errors)
  }
}

function checkJunctors(value: unknown, schema: SchemaNode, path: string, errors: FieldError[]): void {
  const passes = (node: SchemaNode) => {
    const found: FieldError[] = []
    validate(value, node, path, found)
    return found.length === 0
  }
  const where = JSON.stringify(path)
  for (const node of schema.allOf ?? []) validate(value, node, path, errors)
  if (schema.anyOf !== undefined && !schema.anyOf.some(passes)) {
    errors.push(invalid(path, '', `${where} must validate at least one schema (anyOf)`))
  }
  if (schema.oneOf !== undefined) {
    const count = schema.oneOf.filter(passes).length
    const found = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`
    if (count !== 1) errors.push(invalid(path, '', `${where} must validate one and only one schema (oneOf). ${found}`))
  }
  if (schema.not !== undefined && passes(schema.not)) {
    errors.push(invalid(path, '', `${where} must not validate the schema (not)`))
  }
}

function equal(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}
