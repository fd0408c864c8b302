import { at } from '../json.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { type Predicate, parseFieldSelector, parseLabelSelector } from '../selectors.ts'
import { badRequest } from '../status.ts'

const NO_LABELS: Readonly<Record<string, string>> = {}

/** labelSelector and fieldSelector together; undefined when everything matches. */
export function selection(target: Target, query: URLSearchParams): Predicate<ApiObject> | undefined {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '')
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '').map(({ field, value, equal }) => {
    const read = reader(target, field)
    return (object: ApiObject) => (read(object) === value) === equal
  })
  if (labels === undefined && fields.length === 0) return undefined
  return (object) =>
    (labels === undefined || labels(object.metadata.labels ?? NO_LABELS)) && fields.every((matches) => matches(object))
}

/** Only what the kind declares can be selected: a typing error must not come out as "nothing found". */
function reader(target: Target, field: string): (object: ApiObject) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name
  if (field === 'metadata.namespace') return (object) => object.metadata.namespace ?? ''
  const special = target.kind.behaviour.selectable ?? {}
  if (Object.hasOwn(special, field)) return special[field]
  if (!target.version.selectableFields.includes(field)) throw badRequest(`field label not supported: ${field}`)
  const path = field.split('.')
  return (object) => {
    const value = at(object, ...path)
    return value === undefined || value === null ? '' : String(value)
  }
}
