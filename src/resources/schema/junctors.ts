import { type FieldError, invalid, NOWHERE } from './field-error.ts'
import type { SchemaNode } from './types.ts'

/**
 * anyOf, oneOf, allOf and not (kube-openapi validation/validate/schema_props.go); `findings` says what one alternative has against
 * the value.
 */
export function checkJunctors(
  schema: SchemaNode,
  path: string,
  errors: FieldError[],
  findings: (alternative: SchemaNode) => FieldError[],
): void {
  const { anyOf, oneOf, allOf, not } = schema
  const say = (text: string) => errors.push(invalid(NOWHERE, '', `${JSON.stringify(path)} ${text}`))
  if (anyOf !== undefined && anyOf.length > 0) {
    const results = anyOf.map(findings)
    if (!results.some(isEmpty)) {
      say('must validate at least one schema (anyOf)')
      errors.push(...results[0])
    }
  }
  if (oneOf !== undefined && oneOf.length > 0) {
    const results = oneOf.map(findings)
    const count = results.filter(isEmpty).length
    const found = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`
    if (count !== 1) say(`must validate one and only one schema (oneOf). ${found}`)
    if (count === 0) errors.push(...results[0])
  }
  if (allOf !== undefined && allOf.length > 0) {
    const results = allOf.map(findings)
    const count = results.filter(isEmpty).length
    for (const result of results) errors.push(...result)
    if (count < allOf.length) say(`must validate all the schemas (allOf)${count === 0 ? '. None validated' : ''}`)
  }
  if (not !== undefined && findings(not).length === 0) say('must not validate the schema (not)')
}

function isEmpty(list: readonly unknown[]): boolean {
  return list.length === 0
}
