import type { Json } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { age } from './duration.ts'
import { jsonPath } from './jsonpath.ts'

export interface Column {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  /** Above 0: with `-o wide` only. */
  readonly priority: number
  cell(object: ApiObject): Json
}

export type Columns = readonly Column[]

/** A column of a built-in kind. */
export function column(
  name: string,
  cell: (object: ApiObject) => Json,
  options: { wide?: boolean; type?: string } = {},
): Column {
  return {
    name,
    type: options.type ?? 'string',
    format: name === 'Name' ? 'name' : '',
    description: '',
    priority: options.wide === true ? 1 : 0,
    cell,
  }
}

export const NAME = column('Name', (object) => object.metadata.name)
export const AGE = column('Age', (object) => age(object.metadata.creationTimestamp))

export interface PrinterColumn {
  name: string
  type: string
  jsonPath: string
  format?: string
  description?: string
  priority?: number
}

/** A CRD's additionalPrinterColumns after the name; only the age when there are none (apiextensions tableconvertor). */
export function crdColumns(columns: readonly PrinterColumn[] | undefined): Columns {
  if (columns === undefined || columns.length === 0) return [NAME, AGE]
  return [
    NAME,
    ...columns.map((c): Column => {
      const find = jsonPath(c.jsonPath)
      return {
        name: c.name,
        type: c.type,
        format: c.format ?? '',
        description: c.description ?? '',
        priority: c.priority ?? 0,
        cell: (object) => typedCell(find(object), c.type),
      }
    }),
  ]
}

/** The first match, if it has the column's type; other types are null (tableconvertor.cellForJSONValue). */
function typedCell(found: Json[], type: string): Json {
  const value = found[0] ?? null
  if (value === null) return null
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? age(value) : '<invalid>'
    default:
      return typeof value === 'string' ? value : JSON.stringify(value)
  }
}
