import { isObject } from '../json.ts'
import { compileRule } from './cel/program.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from './field-error.ts'
import { listProblems } from './list-type.ts'
import { child, keyed } from './path.ts'
import { compilePattern } from './pattern.ts'
import type { SchemaNode } from './types.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/** Keywords that CRDs may not use (apiextensions validation.go, specStandardValidatorV3). */
const FORBIDDEN: readonly [string, string][] = [
  ['$ref', '$ref is not supported'],
  ['definitions', 'definitions is not supported'],
  ['dependencies', 'dependencies is not supported'],
  ['additionalItems', 'additionalItems is not supported'],
  ['patternProperties', 'patternProperties is not supported'],
]

/** Keywords that have no place inside anyOf, oneOf, allOf and not (structural/validation.go, validateNestedValueValidation). */
const NOT_NESTED = ['type', 'additionalProperties', 'nullable', 'default', 'title', 'description'] as const
const EXTENSIONS = [
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
] as const

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
  if (properties !== undefined && additionalProperties !== undefined) {
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
  } else if (additionalProperties === false) {
    errors.push(forbidden(child(path, 'additionalProperties'), 'must not be used'))
  }
  if (items !== undefined) checkNode(items, child(path, 'items'), 'item', errors)
  errors.push(...listProblems(schema, path))
  checkJunctors(schema, schema, path, path, errors)
}

function checkType(schema: SchemaNode, path: string, place: Place, errors: FieldError[]): void {
  const at = child(path, 'type')
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true
  if (schema.type === undefined) {
    const isOpen = isIntOrString || schema['x-kubernetes-preserve-unknown-fields'] === true
    const where = place === 'item' ? 'array items' : 'object fields'
    if (place !== 'root' && !isOpen) errors.push(required(at, `must not be empty for specified ${where}`))
  } else if (!TYPES.includes(schema.type)) errors.push(notSupported(at, schema.type, TYPES))
  else if (isIntOrString) errors.push(forbidden(at, 'must be empty if x-kubernetes-int-or-string is true'))
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
    const at = `${child(path, 'x-kubernetes-validations')}[${i}]`
    attempt(() => compileRule(rule.rule), `${at}.rule`, rule.rule, errors)
    if (rule.messageExpression !== undefined) {
      attempt(() => compileRule(rule.messageExpression!), `${at}.messageExpression`, rule.messageExpression, errors)
    }
  })
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

/** Alternatives only narrow what stands outside of them: each field they name has its type there. */
function checkJunctors(
  schema: SchemaNode,
  outer: SchemaNode,
  path: string,
  outerPath: string,
  errors: FieldError[],
): void {
  const alternatives: [SchemaNode, string][] = []
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    schema[junctor]?.forEach((node, i) => {
      alternatives.push([node, `${child(path, junctor)}[${i}]`])
    })
  }
  if (schema.not !== undefined) alternatives.push([schema.not, child(path, 'not')])
  for (const [node, there] of alternatives) checkNested(node, outer, there, outerPath, errors)
}

function checkNested(
  schema: SchemaNode,
  outer: SchemaNode,
  path: string,
  outerPath: string,
  errors: FieldError[],
): void {
  // The one place for a type: what int-or-string stands for, as older tools spell it out.
  const isSpelledOut = outer['x-kubernetes-int-or-string'] === true
  for (const keyword of [...NOT_NESTED, ...EXTENSIONS]) {
    if (schema[keyword as keyof SchemaNode] === undefined || (keyword === 'type' && isSpelledOut)) continue
    errors.push(forbidden(child(path, keyword), 'must be empty to be structural'))
  }
  if (schema.pattern !== undefined)
    attempt(() => compilePattern(schema.pattern!), child(path, 'pattern'), schema.pattern, errors)
  for (const [field, node] of Object.entries(schema.properties ?? {})) {
    const there = keyed(child(path, 'properties'), field)
    const base = isObject(outer.properties) ? (outer.properties as Record<string, SchemaNode>)[field] : undefined
    const basePath = keyed(child(outerPath, 'properties'), field)
    if (base === undefined) errors.push(required(basePath, `because it is defined in ${there}`))
    else checkNested(node, base, there, basePath, errors)
  }
  if (schema.items !== undefined) {
    const there = child(path, 'items')
    if (outer.items === undefined) errors.push(required(child(outerPath, 'items'), `because it is defined in ${there}`))
    else checkNested(schema.items, outer.items, there, child(outerPath, 'items'), errors)
  }
  checkJunctors(schema, outer, path, outerPath, errors)
}
