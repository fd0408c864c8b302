import { applyDefaults } from './defaults.ts'
import { type FieldError, invalid, NOWHERE } from './field-error.ts'
import { prune } from './prune.ts'
import { checkRules, hasRules } from './rules.ts'
import type { SchemaNode } from './types.ts'
import { checkUnique } from './unique.ts'
import { validate } from './validate.ts'

export type { FieldError } from './field-error.ts'
export type { SchemaNode, ValidationRule } from './types.ts'

/** What a CRD version's `openAPIV3Schema` does to objects. */
export interface StructuralSchema {
  readonly openapi: SchemaNode
  /** Removes unknown fields in place and gives their paths. */
  prune(object: object): string[]
  applyDefaults(object: object): void
  /** With `old`, what has not changed may stay as it is although the schema would refuse it now. */
  validate(object: object, old?: object): FieldError[]
}

/** Findings of these kinds mean that rules could meet values they were not written for (customresource strategy hasBlockingErr). */
const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'

/** Makes a schema ready for use. It is taken as it is: `validateCrd` says what is wrong with one. */
export function compileSchema(openapi: object): StructuralSchema {
  const schema = openapi as SchemaNode
  const ruled = hasRules(schema)
  return {
    openapi: schema,
    prune(object) {
      const unknown: string[] = []
      prune(object, schema, unknown)
      return unknown
    },
    applyDefaults: (object) => applyDefaults(object, schema),
    validate(object, old) {
      const before = old === undefined ? undefined : { old }
      const errors: FieldError[] = []
      validate(object, before, schema, '', errors)
      checkUnique(object, before, schema, '', errors)
      if (!ruled) return errors
      if (errors.some((error) => BLOCKING.has(error.reason))) errors.push(invalid(NOWHERE, null, NOT_CHECKED))
      else checkRules(object, before, schema, errors)
      return errors
    },
  }
}
