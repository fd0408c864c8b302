/** JSON Merge Patch (RFC 7386). */
import { clone, isObject, type Json, type JsonObject, setOwn } from '../json.ts'

/** Answers the patched value; neither argument is changed. */
export function mergePatch(target: unknown, patch: Json): Json {
  if (!isObject(patch)) return clone(patch)
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else setOwn(result, key, mergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value))
  }
  return result
}
