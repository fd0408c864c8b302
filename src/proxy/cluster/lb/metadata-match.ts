/** Namespace of the metadata by which endpoints are chosen. */
export const LB_METADATA = 'envoy.lb'

type Values = Readonly<Record<string, unknown>>

/** What a route or a request asks of endpoints (`metadata_match`), put so that finding a subset is one look-up. */
export class MetadataMatch {
  readonly #values: Values
  /** The names alone, and the names with their values: equal when they ask for the same. */
  readonly keys: string
  readonly text: string
  readonly #narrowed = new Map<string, MetadataMatch>()

  constructor(values: Values) {
    this.#values = values
    const names = Object.keys(values).sort()
    this.keys = keysText(names)
    this.text = matchText(names.map((name) => [name, valueText(values[name])]))
  }

  /** Of metadata by namespace; `undefined` when nothing is asked for. */
  static of(metadata: Values, base?: MetadataMatch): MetadataMatch | undefined {
    const own = (metadata[LB_METADATA] ?? {}) as Values
    if (Object.keys(own).length === 0) return base
    return new MetadataMatch(base === undefined ? own : { ...base.#values, ...own })
  }

  /** Only what it asks of these names. */
  narrowed(names: readonly string[]): MetadataMatch {
    const key = keysText(names)
    let known = this.#narrowed.get(key)
    if (known === undefined) {
      known = new MetadataMatch(
        Object.fromEntries(names.filter((n) => n in this.#values).map((n) => [n, this.#values[n]])),
      )
      this.#narrowed.set(key, known)
    }
    return known
  }
}

/** Of sorted names. */
export function keysText(names: readonly string[]): string {
  return JSON.stringify([...names].sort())
}

/** Of pairs of a name and its `valueText`, sorted by name. */
export function matchText(pairs: readonly (readonly [string, string])[]): string {
  return JSON.stringify(pairs)
}

/** The same for equal values, in whatever order the fields of structs stand. */
export function valueText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
