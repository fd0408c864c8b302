import { type CelFunc, type CelInput, type CelMap, CelScalar, celMethod, isCelList, isCelMap } from '@bufbuild/cel'

const { DYN } = CelScalar

/**
 * The evaluator knows no types of a host's own. A value of one (a URL, an IP address) is a map that carries its type's name; rules
 * cannot make such a map by chance, for `@` stands in no field name.
 */
const TYPE = '@type'

export function opaque(type: string, fields: Readonly<Record<string, CelInput>>): CelInput {
  return new Map<string, CelInput>([[TYPE, type], ...Object.entries(fields)])
}

/** A method of an opaque type; the receiver's fields are handed over by name. */
export function opaqueMethod(
  type: string,
  name: string,
  implement: (field: (name: string) => unknown, ...args: unknown[]) => CelInput,
  argumentCount = 0,
): CelFunc {
  const types = Array.from({ length: argumentCount }, () => DYN)
  return celMethod(name, DYN, types, DYN, function (...args: unknown[]) {
    if (!isCelMap(this) || this.get(TYPE) !== type) throw new Error(`no such overload: ${name}`)
    return implement((field) => (this as CelMap).get(field), ...args) as never
  })
}

/** An optional value is a list with one item or none. */
export const optionalOf = (value: CelInput): CelInput => [value]
export const OPTIONAL_NONE: CelInput = []

export function optionalItems(value: unknown): unknown[] {
  if (!isCelList(value) || value.size > 1) throw new Error('no such overload: an optional value is wanted')
  return [...value]
}
