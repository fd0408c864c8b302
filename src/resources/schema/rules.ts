import { isObject } from '../json.ts'
import { compileRule, toCel } from './cel.ts'
import { type FieldError, forbidden, invalid, required } from './field-error.ts'
import { child, keyed, type SchemaNode, type ValidationRule } from './types.ts'

/** Evaluations that one object may cause; a hostile CRD or object ends there instead of holding up the server. */
const MAX_EVALUATIONS = 20_000

interface Budget {
  left: number
}

/**
 * Evaluates `x-kubernetes-validations` from the outside in. Rules that name `oldSelf` are transition rules: they run on updates
 * only, where the old value can be matched with the new one (map-type list items are matched by their keys).
 */
export function checkRules(value: unknown, old: unknown, schema: SchemaNode, path: string, errors: FieldError[]): void {
  walk(value, old, schema, path, errors, { left: MAX_EVALUATIONS })
}

/** Whether a schema has a rule anywhere; walking objects for nothing is avoided. */
export function hasRules(schema: SchemaNode): boolean {
  if (schema['x-kubernetes-validations'] !== undefined) return true
  const { properties = {}, items, additionalProperties } = schema
  if (Object.values(properties).some(hasRules)) return true
  if (items !== undefined && hasRules(items)) return true
  return typeof additionalProperties === 'object' && hasRules(additionalProperties)
}

function walk(
  value: unknown,
  old: unknown,
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
  budget: Budget,
): void {
  if (value === undefined || value === null || !hasRules(schema)) return
  for (const rule of schema['x-kubernetes-validations'] ?? []) evaluate(rule, value, old, schema, path, errors, budget)
  if (Array.isArray(value)) {
    if (schema.items === undefined) return
    for (let i = 0; i < value.length; i++) {
      walk(value[i], counterpart(value[i], old, schema), schema.items, `${path}[${i}]`, errors, budget)
    }
  } else if (isObject(value)) {
    const before = isObject(old) ? old : {}
    const { properties = {}, additionalProperties } = schema
    for (const [field, inner] of Object.entries(value)) {
      if (Object.hasOwn(properties, field))
        walk(inner, before[field], properties[field], child(path, field), errors, budget)
      else if (typeof additionalProperties === 'object') {
        walk(inner, before[field], additionalProperties, keyed(path, field), errors, budget)
      }
    }
  }
}

/** The old item that an item of a map-type list replaces; items of other lists have none. */
function counterpart(item: unknown, old: unknown, schema: SchemaNode): unknown {
  const keys = schema['x-kubernetes-list-map-keys']
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old) || !isObject(item))
    return undefined
  return old.find((one) => isObject(one) && keys.every((key) => one[key] === item[key]))
}

function evaluate(
  rule: ValidationRule,
  value: unknown,
  old: unknown,
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
  budget: Budget,
): void {
  const isTransition = /\boldSelf\b/.test(rule.rule)
  if (isTransition && old === undefined && rule.optionalOldSelf !== true) return
  const shown = Array.isArray(value) ? 'array' : isObject(value) ? 'object' : value
  if (budget.left-- <= 0) {
    errors.push(invalid(path, shown, 'validation rules cost more than the server allows for one object'))
    return
  }
  const bindings = { self: toCel(value, schema), oldSelf: old === undefined ? null : toCel(old, schema) }
  const outcome = compileRule(rule.rule)(bindings)
  if ('value' in outcome && outcome.value === true) return
  const message =
    'error' in outcome
      ? `${messageOf(rule, bindings)} (evaluating the rule failed: ${outcome.error})`
      : messageOf(rule, bindings)
  const at = rule.fieldPath === undefined ? path : `${path}${rule.fieldPath}`
  if (rule.reason === 'FieldValueRequired') errors.push(required(at, message))
  else if (rule.reason === 'FieldValueForbidden') errors.push(forbidden(at, message))
  else errors.push(invalid(at, shown, message))
}

function messageOf(rule: ValidationRule, bindings: Record<string, unknown>): string {
  if (rule.messageExpression !== undefined) {
    const outcome = compileRule(rule.messageExpression)(bindings)
    if ('value' in outcome && typeof outcome.value === 'string' && outcome.value !== '') return outcome.value
  }
  return rule.message ?? `failed rule: ${rule.rule}`
}
