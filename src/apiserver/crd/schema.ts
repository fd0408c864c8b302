import type { ObjectSchema, Schema } from '../kind.ts'
import type { ApiObject } from '../object.ts'

export function compileSchema(openapi: object): ObjectSchema {
  const schema = openapi as Schema
  return { openapi: schema, prune: (_: ApiObject) => [], applyDefaults() {}, validate: () => [] }
}
