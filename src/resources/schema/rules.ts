import { isObject } from '../json.ts'
import { Meter } from './cel/meter.ts'
import { compileRule, type Program } from './cel/program.ts'
import { type Converted, toCel, withTypeMeta } from './cel/to-cel.ts'
import { type Correlated, correlateField, correlateItem, isUnchanged } from './correlate.ts'
import { duplicate, type FieldError, forbidden, invalid, NOWHERE, required } from './field-error.ts'
import { at, child, keyed } from './path.ts'
import { fieldSchema, isProperty, type SchemaNode, type ValidationRule } from './types.ts'

/** What one object's validation shares between all its rules. */
interface Run {
  readonly meter: Meter
  readonly now: Converted
  readonly before: Converted
  readonly errors: FieldError[]
}

/**
 * Evaluates `x-kubernetes-validations` from the outside in (apiextensions schema/cel/validation.go). Rules that name `oldSelf` are
 * transition rules: they run on updates only, where the old value can be matched with the new one.
 */
export function checkRules(value: unknown, before: Correlated | undefined, schema: SchemaNode, errors: FieldError[]) {
  const run: Run = { meter: new Meter(), now: new Map(), before: new Map(), errors }
  walk(value, before, false, withTypeMeta(schema), '', run)
}

const ruled = new WeakMap<SchemaNode, boolean>()

/** Whether a schema has a rule anywhere; walking objects for nothing is avoided. */
export function hasRules(schema: SchemaNode): boolean {
  let found = ruled.get(schema)
  if (found === undefined) {
    const { properties = {}, items, additionalProperties, allOf = [] } = schema
    found =
      (schema['x-kubernetes-validations'] ?? []).length > 0 ||
      Object.values(properties).some(hasRules) ||
      (items !== undefined && hasRules(items)) ||
      (typeof additionalProperties === 'object' && hasRules(additionalProperties)) ||
      allOf.some(hasRules)
    ruled.set(schema, found)
  }
  return found
}

/** `isWithin` says that a value around this one has not changed. */
function walk(
  value: unknown,
  before: Correlated | undefined,
  isWithin: boolean,
  schema: SchemaNode,
  path: string,
  run: Run,
): void {
  // A rule sees only values that are there; absence is for the rules of the object around it.
  if (value === undefined || value === null || run.meter.exhausted || !hasRules(schema)) return
  const isUnchangedHere = isWithin || isUnchanged(before, value)
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    if (evaluate(rule, value, before, schema, path, isUnchangedHere, run) === 'stop') return
  }
  for (const part of schema.allOf ?? []) walk(value, before, isWithin, part, path, run)
  if (Array.isArray(value)) {
    const { items } = schema
    if (items === undefined) return
    value.forEach((item, i) => {
      walk(item, correlateItem(before, schema, item), isUnchangedHere, items, at(path, i), run)
    })
  } else if (isObject(value)) {
    for (const [field, one] of Object.entries(value)) {
      const node = fieldSchema(schema, field)
      if (node === undefined) continue
      const there = isProperty(schema, field) ? child(path, field) : keyed(path, field)
      walk(one, correlateField(before, schema, field), isUnchangedHere, node, there, run)
    }
  }
}

function evaluate(
  rule: ValidationRule,
  value: unknown,
  before: Correlated | undefined,
  schema: SchemaNode,
  path: string,
  isUnchangedHere: boolean,
  run: Run,
): 'stop' | undefined {
  const isTransition = usesOldSelf(rule.rule)
  if (isTransition && before === undefined && rule.optionalOldSelf !== true) return undefined
  // Unchanged values keep what later rules would refuse; a transition rule is about the change itself.
  if (isUnchangedHere && !isTransition) return undefined
  const old = before === undefined || before.old === null ? undefined : toCel(before.old, schema, run.before)
  const bindings = {
    self: toCel(value, schema, run.now),
    oldSelf: rule.optionalOldSelf === true ? (old === undefined ? [] : [old]) : (old ?? null),
  }
  // The type stands in for the value, in all versions of Kubernetes up to 1.34.
  const shown = schema.type ?? ''
  const field = path === '' ? NOWHERE : path
  const outcome = attempt(rule.rule, bindings, run.meter)
  if (run.meter.exhausted) {
    const text = 'validation failed due to running out of cost budget, no further validation rules will be run'
    run.errors.push(invalid(field, shown, text))
    return 'stop'
  }
  if ('error' in outcome) {
    run.errors.push(invalid(field, shown, `${outcome.error} evaluating rule: ${nameOf(rule)}`))
    return undefined
  }
  if (outcome.value === true) return undefined
  const where = rule.fieldPath === undefined ? field : path === '' ? rule.fieldPath.slice(1) : path + rule.fieldPath
  run.errors.push(failure(rule, where, shown, detailOf(rule, bindings, run.meter)))
  return undefined
}

const transitions = new Map<string, boolean>()

function usesOldSelf(rule: string): boolean {
  let uses = transitions.get(rule)
  if (uses === undefined) {
    // Text in quotes is no reference.
    uses = /\boldSelf\b/.test(rule.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, "''"))
    transitions.set(rule, uses)
  }
  return uses
}

function nameOf(rule: ValidationRule): string {
  return (rule.message || rule.rule).trim()
}

type Bindings = Parameters<Program>[0]

/** A rule of a CRD that was stored when this version refused less than now. */
function attempt(expression: string, bindings: Bindings, meter: Meter): ReturnType<Program> {
  try {
    return compileRule(expression)(bindings, meter)
  } catch (error) {
    return { error: `rule compile error: ${(error as Error).message}` }
  }
}

function detailOf(rule: ValidationRule, bindings: Bindings, meter: Meter): string {
  if (rule.messageExpression !== undefined) {
    const outcome = attempt(rule.messageExpression, bindings, meter)
    // Upstream falls back to the message when the expression fails, gives no text, or text with line breaks.
    if ('value' in outcome && typeof outcome.value === 'string') {
      const text = outcome.value.trim()
      if (text !== '' && !text.includes('\n')) return text
    }
  }
  return rule.message ? rule.message.trim() : `failed rule: ${nameOf(rule)}`
}

function failure(rule: ValidationRule, field: string, value: unknown, detail: string): FieldError {
  switch (rule.reason) {
    case 'FieldValueRequired':
      return required(field, detail)
    case 'FieldValueForbidden':
      return forbidden(field, detail)
    case 'FieldValueDuplicate':
      return duplicate(field, value)
    default:
      return invalid(field, value, detail)
  }
}
