import type { Json, JsonObject } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { badRequest } from '../status.ts'
import type { Columns } from './columns.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

export function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? 'Metadata'
  if (value === '') return 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  throw badRequest(`unrecognized includeObject value: "${value}"`)
}

/** `metav1.Table`: what `kubectl get` asks for, so that the server knows the columns and the client does not. */
export function renderTable(
  objects: readonly ApiObject[],
  columns: Columns,
  include: IncludeObject,
  metadata: JsonObject,
  withDefinitions = true,
): JsonObject {
  const definitions = columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }))
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withDefinitions ? definitions : [],
    rows: objects.map((object) => ({
      cells: columns.map((column) => cellOf(column.cell, object)),
      object: rowObject(object, include),
    })),
  }
}

/** A printer must never make a list fail: half-filled objects of controllers are normal. */
function cellOf(cell: (object: ApiObject) => Json, object: ApiObject): Json {
  try {
    return cell(object)
  } catch {
    return '<unknown>'
  }
}

function rowObject(object: ApiObject, include: IncludeObject): Json {
  if (include === 'None') return null
  return (include === 'Object' ? object : partialMetadata(object)) as unknown as JsonObject
}

export function partialMetadata(object: ApiObject): ApiObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
}
