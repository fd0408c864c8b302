/**
 * What lies at the end of a path of names in an object of JSON: what was put there alone, for every object and list has more
 * (`constructor`, `length`).
 */
export function valueAt(object: unknown, path: readonly string[]): unknown {
  let value = object
  for (let i = 0; i < path.length; i++) {
    if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, path[i]))
      return undefined
    value = (value as Readonly<Record<string, unknown>>)[path[i]]
  }
  return value
}
