import { compileSchema as compileStructural } from '../../resources/schema/index.ts'
import type { ObjectSchema, Schema } from '../kind.ts'

/** The structural schema of a CRD version; `resources` does the work. */
export function compileSchema(openapi: object): ObjectSchema {
  return { ...compileStructural(openapi), openapi: openapi as Schema }
}
