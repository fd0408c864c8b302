import { isWholeState } from './type-urls.ts'

/** What a NACK means for the resources of its response. */
interface Blame {
  /** The resources that the NACK is about. */
  readonly blamed: readonly string[]
  /** Responses to send so that the others are not held back with them. */
  readonly retry: readonly (readonly string[])[]
}

/**
 * A NACK refuses a whole response, though mostly one resource in it is bad; what Envoy applied of the rest depends on the order.
 * So the rest is sent again without the bad ones: those that the error names, or, where it names none, each on its own.
 */
export function blame(typeUrl: string, names: readonly string[], error: string): Blame {
  if (names.length <= 1) return { blamed: names, retry: [] }
  const blamed = names.filter((name) => mentions(error, name))
  if (isWholeState(typeUrl)) return { blamed: blamed.length === 0 ? names : blamed, retry: [] }
  if (blamed.length === 0) return { blamed, retry: names.map((name) => [name]) }
  const others = names.filter((name) => !blamed.includes(name))
  return { blamed, retry: others.length === 0 ? [] : [others] }
}

/** Whether a text contains a resource's name, not merely a longer one that begins with it. */
export function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const rest = text.slice(at + name.length)
    if (!/^(?:[\w~|-]|\.[\w])/.test(rest) && !/[\w~|-]$/.test(text.slice(0, at))) return true
  }
  return false
}
