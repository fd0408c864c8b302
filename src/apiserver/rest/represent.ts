/** Objects and lists in the form that was negotiated. */
import type { Exchange } from '../http/exchange.ts'
import type { Negotiated } from '../http/negotiate.ts'
import type { Target } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { includeObject, partialMetadata, renderTable } from '../table/render.ts'
import { inVersion } from './context.ts'
import type { Listed } from './list.ts'

export function sendObject(exchange: Exchange, code: number, target: Target, object: ApiObject): void {
  const { as, encoding } = exchange.negotiate()
  exchange.sendObject(code, representObject(target, object, as, exchange.query), encoding)
}

function representObject(target: Target, object: ApiObject, as: Negotiated['as'], query: URLSearchParams): unknown {
  if (as === 'object') return object
  if (as === 'PartialObjectMetadata') return partialMetadata(object)
  const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' }
  return renderTable([object], target.version.columns, includeObject(query), metadata)
}

export function sendList(exchange: Exchange, target: Target, listed: Listed): void {
  const { as, encoding } = exchange.negotiate()
  if (as === 'object' && encoding === 'json') exchange.send(200, 'application/json', listText(target, listed))
  else exchange.sendObject(200, representList(target, listed, as, exchange.query), encoding)
}

function representList(target: Target, listed: Listed, as: Negotiated['as'], query: URLSearchParams): unknown {
  const objects = listed.entries.map((entry) => inVersion(target, entry.object))
  if (as === 'Table') return renderTable(objects, target.version.columns, includeObject(query), { ...listed.metadata })
  if (as === 'object') return { ...listHead(target, listed), items: objects }
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: listed.metadata,
    items: objects.map(partialMetadata),
  }
}

export function listHead({ kind, apiVersion }: Target, { metadata }: Listed): object {
  return { kind: kind.listKind, apiVersion, metadata }
}

/** Put together from the entries' texts instead of being serialised again. */
function listText(target: Target, listed: Listed): string {
  const head = JSON.stringify(listHead(target, listed)).slice(0, -1)
  const items = listed.entries.map((entry) => {
    const object = inVersion(target, entry.object)
    return object === entry.object ? entry.json : JSON.stringify(object)
  })
  return `${head},"items":[${items.join(',')}]}`
}
