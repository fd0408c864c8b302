/**
 * Strategic merge patch (apimachinery strategicpatch/patch.go): a merge patch that knows from the schema which lists are
 * maps by a key, and has directives ($patch, $setElementOrder/x, $deleteFromPrimitiveList/x, $retainKeys).
 */
import { clone, deepEqual, isObject, type Json, type JsonObject, setOwn } from '../json.ts'
import { fieldOf, type Schema } from '../kind.ts'
import { badRequest } from '../status.ts'

const ORDER = '$setElementOrder/'
const DELETE_FROM = '$deleteFromPrimitiveList/'

/** Answers the patched object; neither argument is changed. */
export function strategicMergePatch(target: unknown, patch: Json, schema: Schema): Json {
  if (!isObject(patch)) throw badRequest('a strategic merge patch is an object')
  return mergeMap(isObject(target) ? target : {}, patch, schema)
}

function mergeMap(target: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  const directive = patch['$patch']
  if (directive === 'replace') {
    const { $patch: _, ...rest } = patch
    return clone(rest)
  }
  if (directive === 'delete') return {}
  if (directive !== undefined && directive !== 'merge')
    throw badRequest(`unknown $patch directive ${JSON.stringify(directive)}`)

  const result: JsonObject = { ...target }
  const retain = patch['$retainKeys']
  if (Array.isArray(retain)) for (const key of Object.keys(result)) if (!retain.includes(key)) delete result[key]

  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys' || key.startsWith(ORDER)) continue
    if (key.startsWith(DELETE_FROM)) {
      const field = key.slice(DELETE_FROM.length)
      const list = result[field]
      if (Array.isArray(list) && Array.isArray(value)) {
        result[field] = list.filter((item) => !value.some((gone) => deepEqual(gone, item)))
      }
      continue
    }
    if (value === null) {
      delete result[key]
      continue
    }
    setOwn(
      result,
      key,
      mergeValue(Object.hasOwn(result, key) ? result[key] : undefined, value, fieldOf(schema, key) ?? {}),
    )
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER) || !Array.isArray(order)) continue
    const field = key.slice(ORDER.length)
    const list = result[field]
    if (Array.isArray(list)) {
      const server = Array.isArray(target[field]) ? target[field] : []
      result[field] = reorder(list, order, server, fieldOf(schema, field)?.['x-kubernetes-patch-merge-key'])
    }
  }
  return result
}

function mergeValue(target: Json | undefined, patch: Json, schema: Schema): Json {
  if (isObject(patch)) return mergeMap(isObject(target) ? target : {}, patch, schema)
  if (!Array.isArray(patch)) return patch
  const strategy = schema['x-kubernetes-patch-strategy'] ?? ''
  if (!strategy.includes('merge')) return clone(patch)
  const key = schema['x-kubernetes-patch-merge-key']
  const list = Array.isArray(target) ? target : []
  return key === undefined ? unite(list, patch) : mergeListOfMaps(list, patch, key, schema.items ?? {})
}

function unite(target: Json[], patch: Json[]): Json[] {
  const result = [...target]
  for (const item of patch) if (!result.some((known) => deepEqual(known, item))) result.push(item)
  return result
}

function mergeListOfMaps(target: Json[], patch: Json[], key: string, items: Schema): Json[] {
  const replace = patch.some((item) => isObject(item) && item['$patch'] === 'replace' && !Object.hasOwn(item, key))
  if (replace) return clone(patch.filter((item) => !(isObject(item) && item['$patch'] === 'replace')))
  let result = [...target]
  for (const item of patch) {
    if (!isObject(item) || !Object.hasOwn(item, key)) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`)
    }
    const same = (other: Json) => isObject(other) && deepEqual(other[key], item[key])
    if (item['$patch'] === 'delete') {
      result = result.filter((other) => !same(other))
      continue
    }
    const at = result.findIndex(same)
    if (at < 0) result.push(mergeMap({}, item, items))
    else result[at] = mergeMap(result[at] as JsonObject, item, items)
  }
  return result
}

/**
 * $setElementOrder: the listed items in the listed order; items that only the server has keep their place relative to the
 * server's items before them (normalizeElementOrder upstream).
 */
function reorder(list: Json[], order: Json[], server: Json[], key: string | undefined): Json[] {
  const id = (item: Json): Json | undefined => (key === undefined ? item : isObject(item) ? item[key] : undefined)
  const position = (item: Json, among: Json[]) => among.findIndex((other) => deepEqual(id(other), id(item)))
  const listed: Json[] = []
  for (const wanted of order) {
    const at = position(wanted, list)
    if (at >= 0) listed.push(list[at])
  }
  const others = list.filter((item) => position(item, order) < 0)
  const result: Json[] = []
  let i = 0
  let j = 0
  while (i < listed.length && j < others.length) {
    const mine = position(listed[i], server)
    const theirs = position(others[j], server)
    // A listed item that is new on the server goes where the patch puts it: before what the server alone has.
    if (mine < 0 || theirs < 0 || mine < theirs) result.push(listed[i++])
    else result.push(others[j++])
  }
  return [...result, ...listed.slice(i), ...others.slice(j)]
}
