import { applyDefaults } from './defaults.ts'
import type { FieldError } from './field-error.ts'
import { prune } from './prune.ts'
import { checkRules, hasRules } from './rules.ts'
import type { SchemaNode } from './types.ts'
import { validate } from './validate.ts'

export type { FieldError } from './field-error.ts'
export type { SchemaNode, ValidationRule } from './types.ts'

/** What a CRD version's `openAPIV3Schema` does to objects. */
export interface StructuralSchema {
  readonly openapi: SchemaNode
  /** Removes unknown fields in place and gives their paths. */
  prune(object: object): string[]
  applyDefaults(object: object): void
  /** Schema keywords first; CEL rules only on what passes them, as apiextensions does. */
  validate(object: object, old?: object): FieldError[]
}

/** Compiles a schema. CEL rules are parsed at once, so a rule that does not parse throws here. */
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
      const errors: FieldError[] = []
      validate(object, schema, '', errors)
      if (ruled && errors.length === 0) checkRules(object, old, schema, '', errors)
      return errors
    },
  }
}
