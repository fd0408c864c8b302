/** Typed merge and removal: the two halves of an apply. */
import { isObject, type Json, type JsonObject, setOwn } from '../json.ts'
import { fieldOf, type Schema } from '../kind.ts'
import type { FieldSet } from './field-set.ts'
import { itemElement, shapeOf } from './typed.ts'

/** What the configuration says wins; what it does not mention stays. Shares parts with its arguments, changes neither. */
export function mergeTyped(live: Json | undefined, config: Json, schema: Schema | undefined): Json {
  const shape = shapeOf(config, schema)
  if (shape === 'leaf' || live === undefined || live === null || shapeOf(live, schema) !== shape) return config
  if (shape === 'map') {
    const result: JsonObject = { ...(live as JsonObject) }
    for (const [key, value] of Object.entries(config as JsonObject)) {
      setOwn(result, key, mergeTyped(Object.hasOwn(result, key) ? result[key] : undefined, value, fieldOf(schema, key)))
    }
    return result
  }
  return mergeLists(live as Json[], config as Json[], schema as Schema)
}

/** The configuration's order; items that only the live list has stay behind the live item they followed. */
function mergeLists(live: Json[], config: Json[], schema: Schema): Json[] {
  const before = new Map(live.map((item) => [itemElement(item, schema), item]))
  const wanted = new Set(config.map((item) => itemElement(item, schema)))
  const followers = new Map<string, Json[]>()
  let last = ''
  for (const [element, item] of before) {
    if (wanted.has(element)) last = element
    else followers.set(last, [...(followers.get(last) ?? []), item])
  }
  const result = [...(followers.get('') ?? [])]
  for (const item of config) {
    const element = itemElement(item, schema)
    result.push(mergeTyped(before.get(element), item, schema.items), ...(followers.get(element) ?? []))
  }
  return result
}

/**
 * The value without the paths of `gone`. A path stays when somebody owns something under it. Containers that this empties
 * go too; undefined when nothing is left.
 */
export function removeFields(
  value: Json,
  gone: FieldSet,
  owned: FieldSet | undefined,
  schema: Schema | undefined,
): Json | undefined {
  const shape = shapeOf(value, schema)
  if (shape === 'leaf' || gone.children.size === 0) return value
  const keep = (element: string, item: Json, itemSchema: Schema | undefined): Json | undefined => {
    const cut = gone.child(element)
    if (cut === undefined) return item
    const kept = owned?.child(element)
    if (cut.member && (kept === undefined || kept.empty)) return undefined
    return removeFields(item, cut, kept, itemSchema)
  }
  if (shape !== 'map') {
    const list = (value as Json[]).flatMap((item) => {
      const left = keep(itemElement(item, schema), item, schema?.items)
      return left === undefined ? [] : [left]
    })
    return list.length === 0 ? undefined : list
  }
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value as JsonObject)) {
    const left = keep(`f:${key}`, item, fieldOf(schema, key))
    if (left !== undefined) setOwn(result, key, left)
  }
  return Object.keys(result).length === 0 ? undefined : result
}

/** Nulls in an applied configuration say nothing. */
export function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) if (item !== null) setOwn(result, key, withoutNulls(item))
  return result
}
