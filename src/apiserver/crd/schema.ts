import { compileSchema as compileStructural } from '../../resources/schema/index.ts'
import { pruneBuiltin } from '../builtin/object-schema.ts'
import { schemaOf } from '../builtin/schema.ts'
import type { ObjectSchema, Schema } from '../kind.ts'

/** A CRD version's schema. Metadata is not the CRD's to describe: every kind has the same, decoded as for built-in kinds. */
export function compileSchema(openapi: object): ObjectSchema {
  const structural = compileStructural(openapi)
  const metadata = schemaOf('meta.v1.ObjectMeta')
  return {
    openapi: openapi as Schema,
    prune(object) {
      const unknown = structural.prune(object)
      unknown.push(
        ...pruneBuiltin(object, {
          type: 'object',
          properties: { metadata },
          'x-kubernetes-preserve-unknown-fields': true,
        }),
      )
      return unknown
    },
    applyDefaults: (object) => structural.applyDefaults(object),
    validate: (object, old) => [...structural.validate(object, old)],
  }
}
