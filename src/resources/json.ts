/** JSON as it is decoded; `undefined` never stands in it. */
export type Json = null | boolean | number | string | Json[] | { [field: string]: Json }

export type JsonObject = { [field: string]: Json }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
