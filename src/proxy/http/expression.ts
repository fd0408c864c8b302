/** Conditions in CEL over Envoy's attributes: of access logs, and of RBAC. */
import type { Expr } from '../../../gen/google/api/expr/v1alpha1/syntax_pb.ts'
import { requireFile } from '../../base/require-file.ts'
import { messageOf } from '../../errors.ts'
import type { CelExpr } from '../../wasm/attributes/expression.ts'
import { type AttributeValue, attributeGroup, type Dictionary, httpAttribute } from '../../wasm/index.ts'
import { invalid } from '../config/fields.ts'
import { type AttributePlace, dynamicMetadata, listenerAttributes } from './attributes.ts'
import { LoggedEntry } from './logged-entry.ts'
import type { StreamInfo } from './stream-info.ts'

type Cel = typeof import('../../wasm/attributes/expression.ts')

let loaded: Cel | undefined

/** Loaded with the first expression: CEL takes 8 MB of each thread, and few configurations have one. */
function cel(): Cel {
  loaded ??= requireFile(import.meta.url, '../../wasm/attributes/expression.ts') as Cel
  return loaded
}

/** Compiles a condition. One that fails, or gives something else than true, does not hold (as in Envoy). */
export function celCondition(
  source: string | Expr,
  path: string,
  place: AttributePlace,
): (info: StreamInfo) => boolean {
  const entry = new LoggedEntry()
  const listener = listenerAttributes(place)
  const attributes = {
    attribute: (group: string, name: string): AttributeValue | undefined =>
      httpAttribute(entry, group, name) ?? listener(group, name),
  }
  const groups = new Map<string, Dictionary | undefined>()
  let evaluate: () => unknown
  try {
    evaluate = cel().compileExpression(source as string | CelExpr, (name) => {
      // A message in Envoy: it tells whether there is any at all.
      if (name === 'metadata') return dynamicMetadata(entry.info)
      if (!groups.has(name)) groups.set(name, attributeGroup(attributes, name))
      return groups.get(name)
    })
  } catch (error) {
    throw invalid(path, `not a valid expression: ${messageOf(error)}`)
  }
  return (info) => {
    entry.info = info
    try {
      return evaluate() === true
    } catch {
      return false
    } finally {
      entry.info = undefined
    }
  }
}
