import { compileRule } from './cel/program.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from './field-error.ts'
import { listProblems } from './list-type.ts'
import { child, keyed } from './path.ts'
import { compilePattern } from './pattern.ts'
import { fieldSchema, type SchemaNode, type ValidationRule } from './types.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/** Keywords that CRDs may not use (apiextensions validation.go, specStandardValidatorV3). */
const FORBIDDEN: readonly [string, string][] = [
  ['$ref', '$ref is not supported'],
  ['definitions', 'definitions is not supported'],
  ['dependencies', 'dependencies is not supported'],
  ['additionalItems', 'additionalItems is not supported'],
  ['patternProperties', 'patternProperties is not supported'],
]

/** Keywords that have no place inside anyOf, oneOf, allOf and not, and what they must be (structural schema/validation.go). */
const NOT_NESTED: Readonly<Record<string, 'empty' | 'false' | 'undefined'>> = {
  type: 'empty',
  title: 'empty',
  description: 'empty',
  additionalProperties: 'undefined',
  default: 'undefined',
  nullable: 'false',
  'x-kubernetes-preserve-unknown-fields': 'false',
  'x-kubernetes-embedded-resource': 'false',
  'x-kubernetes-int-or-string': 'false',
  'x-kubernetes-list-type': 'undefined',
  'x-kubernetes-list-map-keys': 'empty',
  'x-kubernetes-map-type': 'undefined',
}

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']

/** What keeps a schema from being structural, or from being understood here; `path` is where it stands in the CRD. */
export function structuralProblems(schema: SchemaNode, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (schema.type === undefined) errors.push(required(child(path, 'type'), 'must not be empty at the root'))
  else if (schema.type !== 'object')
    errors.push(invalid(child(path, 'type'), schema.type, 'must be object at the root'))
  checkNode(schema, path, 'root', errors)
  return errors
}

type Place = 'root' | 'field' | 'item'

function checkNode(schema: SchemaNode, path: string, place: Place, errors: FieldError[]): void {
  checkType(schema, path, place, errors)
  checkKeywords(schema, path, errors)
  const { properties, additionalProperties, items } = schema
  if (Object.keys(properties ?? {}).length > 0 && additionalProperties !== undefined) {
    errors.push(
      forbidden(child(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    )
  }
  for (const [field, node] of Object.entries(properties ?? {})) {
    const there = keyed(child(path, 'properties'), field)
    // Object metadata has a schema of its own; a CRD may only narrow names.
    if (place === 'root' && field === 'metadata') checkMetadata(node, there, errors)
    else checkNode(node, there, 'field', errors)
  }
  if (typeof additionalProperties === 'object') {
    checkNode(additionalProperties, child(path, 'additionalProperties'), 'field', errors)
  }
  if (items !== undefined) checkNode(items, child(path, 'items'), 'item', errors)
  errors.push(...listProblems(schema, path))
  checkJunctors(schema, schema['x-kubernetes-int-or-string'] === true, path, errors)
}

function checkType(schema: SchemaNode, path: string, place: Place, errors: FieldError[]): void {
  const at = child(path, 'type')
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true
  if (schema.type === undefined) {
    const isOpen = isIntOrString || schema['x-kubernetes-preserve-unknown-fields'] === true
    const where = place === 'item' ? 'array items' : 'object fields'
    if (place !== 'root' && !isOpen) errors.push(required(at, `must not be empty for specified ${where}`))
  } else if (!TYPES.includes(schema.type)) errors.push(notSupported(at, schema.type, TYPES))
  if (schema.type === 'array' && schema.items === undefined) {
    errors.push(required(child(path, 'items'), 'must be specified'))
  }
  if (schema['x-kubernetes-embedded-resource'] === true && schema.type !== 'object') {
    errors.push(invalid(at, schema.type ?? '', 'must be object if x-kubernetes-embedded-resource is true'))
  }
}

function checkKeywords(schema: SchemaNode, path: string, errors: FieldError[]): void {
  for (const [keyword, why] of FORBIDDEN) {
    if (keyword in schema) errors.push(forbidden(child(path, keyword), why))
  }
  if (schema.uniqueItems === true) {
    errors.push(
      forbidden(
        child(path, 'uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    )
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalid(child(path, 'x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'))
  }
  if (schema.pattern !== undefined)
    attempt(() => compilePattern(schema.pattern!), child(path, 'pattern'), schema.pattern, errors)
  schema['x-kubernetes-validations']?.forEach((rule, i) => {
    checkRule(rule, schema, `${child(path, 'x-kubernetes-validations')}[${i}]`, errors)
  })
}

function checkRule(rule: ValidationRule, schema: SchemaNode, at: string, errors: FieldError[]): void {
  if (!rule.rule?.trim()) errors.push(required(`${at}.rule`, 'rule is not specified'))
  else attempt(() => compileRule(rule.rule), `${at}.rule`, rule.rule, errors)
  if (rule.messageExpression !== undefined) {
    attempt(() => compileRule(rule.messageExpression!), `${at}.messageExpression`, rule.messageExpression, errors)
  }
  if (rule.reason !== undefined && !REASONS.includes(rule.reason)) {
    errors.push(notSupported(`${at}.reason`, rule.reason, REASONS))
  }
  if (rule.fieldPath !== undefined && !isFieldPath(rule.fieldPath, schema)) {
    errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must be a valid path'))
  }
}

/** `.a.b` and `['a']`: fields that the schema has, no items of lists. */
function isFieldPath(path: string, schema: SchemaNode): boolean {
  let node: SchemaNode | undefined = schema
  if (!/^(\.[^.[\]]+|\['[^']+'\])+$/.test(path)) return false
  for (const [, plain, quoted] of path.matchAll(/\.([^.[\]]+)|\['([^']+)'\]/g)) {
    node = node === undefined ? undefined : fieldSchema(node, plain ?? quoted)
  }
  return node !== undefined
}

function attempt(compile: () => unknown, field: string, value: string, errors: FieldError[]): void {
  try {
    compile()
  } catch (error) {
    errors.push(invalid(field, value, `compilation failed: ${(error as Error).message}`))
  }
}

/** Its schema is the server's own: a definition may narrow the names, and no more than that. */
function checkMetadata(schema: SchemaNode, path: string, errors: FieldError[]): void {
  if (schema.type !== undefined && schema.type !== 'object') {
    errors.push(invalid(child(path, 'type'), schema.type, 'must be object'))
  }
  const isPlain = Object.keys(schema).every((keyword) => keyword === 'type' || keyword === 'properties')
  const onlyNames = Object.keys(schema.properties ?? {}).every((field) => field === 'name' || field === 'generateName')
  if (isPlain && onlyNames) return
  const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
  errors.push(forbidden(path, why))
}

/** Alternatives only narrow what stands outside of them. */
function checkJunctors(schema: SchemaNode, isIntOrString: boolean, path: string, errors: FieldError[]): void {
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    schema[junctor]?.forEach((node, i) => {
      checkNested(node, isIntOrString, `${child(path, junctor)}[${i}]`, errors)
    })
  }
  if (schema.not !== undefined) checkNested(schema.not, isIntOrString, child(path, 'not'), errors)
}

function checkNested(schema: SchemaNode, isIntOrString: boolean, path: string, errors: FieldError[]): void {
  for (const [keyword, wanted] of Object.entries(NOT_NESTED)) {
    // The one place for a type: what int-or-string stands for, as older tools spell it out.
    if (schema[keyword as keyof SchemaNode] === undefined || (keyword === 'type' && isIntOrString)) continue
    errors.push(forbidden(child(path, keyword), `must be ${wanted} to be structural`))
  }
  if (schema.pattern !== undefined) {
    attempt(() => compilePattern(schema.pattern!), child(path, 'pattern'), schema.pattern, errors)
  }
  for (const [field, node] of Object.entries(schema.properties ?? {})) {
    checkNested(node, false, keyed(child(path, 'properties'), field), errors)
  }
  if (schema.items !== undefined) checkNested(schema.items, false, child(path, 'items'), errors)
  checkJunctors(schema, isIntOrString, path, errors)
}
