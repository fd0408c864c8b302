import { isObject } from '../json.ts'
import { type Correlated, correlateField, correlateItem, isUnchanged } from './correlate.ts'
import { equal } from './equal.ts'
import { type FieldError, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from './field-error.ts'
import { hasFormat } from './formats.ts'
import { checkJunctors } from './junctors.ts'
import { at, child } from './path.ts'
import { compilePattern } from './pattern.ts'
import { fieldSchema, type SchemaNode } from './types.ts'

/**
 * Checks a value against the keywords of a structural schema; uniqueness and CEL rules have their own walks. The wording is that
 * of kube-openapi's validator (validation/errors/schema.go), which clients show as it is.
 */
export function validate(
  value: unknown,
  before: Correlated | undefined,
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
): void {
  if (isUnchanged(before, value)) return
  if (value === null && schema.nullable === true) return
  if (!fitsType(value, schema)) {
    const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : schema.type
    const actual = typeName(value)
    errors.push(typeInvalid(path, actual, `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`))
    return
  }
  // Inside an alternative nothing is ratcheted: one that fits only because of its past would change what the others mean.
  checkJunctors(schema, path, errors, (alternative) => {
    const found: FieldError[] = []
    validate(value, undefined, alternative, path, found)
    return found
  })
  if (typeof value === 'string') checkString(value, schema, path, errors)
  else if (typeof value === 'number') checkNumber(value, schema, path, errors)
  else if (Array.isArray(value)) checkList(value, before, schema, path, errors)
  if (schema.enum !== undefined && !schema.enum.some((one) => equal(one, value))) {
    errors.push(notSupported(path, value, schema.enum))
  }
  if (isObject(value)) checkObject(value, before, schema, path, errors)
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
  const { minLength, maxLength, pattern, format } = schema
  // utf8.RuneCountInString: code points, not UTF-16 units.
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(path, maxLength))
  if (minLength !== undefined && length < minLength) {
    errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`))
  }
  if (pattern !== undefined && !compilePattern(pattern).test(value)) {
    errors.push(invalid(path, value, `${path} in body should match '${pattern}'`))
  }
  if (format !== undefined && !hasFormat(format, value)) {
    errors.push(typeInvalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`))
  }
}

function checkNumber(value: number, schema: SchemaNode, path: string, errors: FieldError[]): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`))
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    const bound = `less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`
    errors.push(invalid(path, value, `${path} in body should be ${bound}`))
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    const bound = `greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`
    errors.push(invalid(path, value, `${path} in body should be ${bound}`))
  }
}

function checkList(
  value: unknown[],
  before: Correlated | undefined,
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
): void {
  const { items, minItems, maxItems } = schema
  if (items !== undefined) {
    for (let i = 0; i < value.length; i++) {
      validate(value[i], correlateItem(before, schema, value[i]), items, at(path, i), errors)
    }
  }
  if (minItems !== undefined && value.length < minItems) {
    errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`))
  }
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems))
}

function checkObject(
  value: Record<string, unknown>,
  before: Correlated | undefined,
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
): void {
  const { minProperties, maxProperties } = schema
  const count = Object.keys(value).length
  if (minProperties !== undefined && count < minProperties) {
    errors.push(invalid(path, count, `${path} in body should have at least ${minProperties} properties`))
  }
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties))
  for (const field of schema.required ?? []) {
    if (!Object.hasOwn(value, field)) errors.push(required(child(path, field)))
  }
  for (const [field, inner] of Object.entries(value)) {
    const node = fieldSchema(schema, field)
    if (node !== undefined) validate(inner, correlateField(before, schema, field), node, child(path, field), errors)
  }
}
