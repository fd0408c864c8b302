/** JSON Patch (RFC 6902). */
import { clone, deepEqual, isObject, type Json, setOwn } from '../json.ts'
import { ApiError, badRequest } from '../status.ts'

/** The upstream limit (apiserver's maxJSONPatchOperations). */
const MAX_OPERATIONS = 10_000

/** A patch that cannot be applied to this object: 422, as the API server answers. */
class Inapplicable extends ApiError {
  constructor(message: string) {
    super(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`)
  }
}

/** Answers the patched document; the given one is not changed. */
export function jsonPatch(document: unknown, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is an array of operations')
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    )
  }
  let result = clone(document) as Json
  for (const operation of patch) result = applyOperation(result, operation)
  return result
}

function applyOperation(document: Json, operation: Json): Json {
  if (!isObject(operation)) throw badRequest('error decoding patch: an operation is an object')
  const { op, value } = operation
  const path = pointer(operation['path'])
  switch (op) {
    case 'add':
      return add(document, path, need(operation, value))
    case 'remove':
      return remove(document, path)
    case 'replace':
      get(document, path)
      return path.length === 0 ? clone(need(operation, value)) : put(document, path, clone(need(operation, value)))
    case 'move': {
      const from = pointer(operation['from'])
      if (path.length > from.length && from.every((token, i) => token === path[i])) {
        throw new Inapplicable('cannot move a value into itself')
      }
      const moved = get(document, from)
      return add(remove(document, from), path, moved)
    }
    case 'copy':
      return add(document, path, get(document, pointer(operation['from'])))
    case 'test':
      if (!deepEqual(get(document, path), need(operation, value))) {
        throw new Inapplicable(`testing value ${String(operation['path'])} failed`)
      }
      return document
    default:
      throw badRequest(`error decoding patch: unexpected kind: ${String(op)}`)
  }
}

function need(operation: Record<string, Json>, value: Json | undefined): Json {
  if (value === undefined)
    throw badRequest(`error decoding patch: operation ${String(operation['op'])} without a value`)
  return value
}

/** RFC 6901. */
function pointer(text: unknown): string[] {
  if (typeof text !== 'string') throw badRequest('error decoding patch: path is not a string')
  if (text === '') return []
  if (!text.startsWith('/'))
    throw badRequest(`error decoding patch: path ${JSON.stringify(text)} does not start with /`)
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function index(list: Json[], token: string, end: number): number {
  if (!/^(0|[1-9]\d*)$/.test(token) || Number(token) > end) {
    throw new Inapplicable(`index ${token} is out of bounds of a list of ${list.length}`)
  }
  return Number(token)
}

function get(document: Json, path: string[]): Json {
  let here = document
  for (const token of path) {
    if (Array.isArray(here)) here = here[index(here, token, here.length - 1)]
    else if (isObject(here) && Object.hasOwn(here, token)) here = here[token]
    else throw new Inapplicable(`no value at /${path.join('/')}`)
  }
  return here
}

function parent(document: Json, path: string[]): Json {
  return get(document, path.slice(0, -1))
}

function put(document: Json, path: string[], value: Json): Json {
  const holder = parent(document, path)
  const token = path[path.length - 1]
  if (Array.isArray(holder)) holder[index(holder, token, holder.length - 1)] = value
  else setOwn(holder as object, token, value)
  return document
}

function add(document: Json, path: string[], value: Json): Json {
  const copy = clone(value)
  if (path.length === 0) return copy
  const holder = parent(document, path)
  const token = path[path.length - 1]
  if (Array.isArray(holder)) {
    holder.splice(token === '-' ? holder.length : index(holder, token, holder.length), 0, copy)
  } else if (isObject(holder)) setOwn(holder, token, copy)
  else throw new Inapplicable(`no object or list at /${path.slice(0, -1).join('/')}`)
  return document
}

function remove(document: Json, path: string[]): Json {
  if (path.length === 0) return null
  get(document, path)
  const holder = parent(document, path)
  const token = path[path.length - 1]
  if (Array.isArray(holder)) holder.splice(Number(token), 1)
  else delete (holder as Record<string, Json>)[token]
  return document
}
