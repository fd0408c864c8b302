import type { Cell } from '../../../telemetry/metrics.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import type { Hash64 } from '../hash64.ts'
import type { HostChooser, HostSet } from './host-set.ts'
import { LB_METADATA, type MetadataMatch, matchText, valueText } from './metadata-match.ts'
import type { SubsetFallback, SubsetSelector, SubsetSettings } from './subset-config.ts'

/** `cluster.<name>.lb_subsets_*` */
export interface SubsetStats {
  readonly active: Cell
  readonly created: Cell
  readonly removed: Cell
  readonly selected: Cell
  readonly fallback: Cell
  readonly fallbackPanic: Cell
}

/** The subsets of a cluster that has none. */
export const NO_SUBSETS: ReadonlyMap<string, unknown> = new Map()

/** A cluster had these subsets and has those. */
export function countSubsets(
  stats: SubsetStats,
  before: ReadonlyMap<string, unknown>,
  now: ReadonlyMap<string, unknown>,
): void {
  if (before === now) return
  for (const text of now.keys()) if (!before.has(text)) stats.created.value++
  for (const text of before.keys()) if (!now.has(text)) stats.removed.value++
  stats.active.value += now.size - before.size
}

/** Makes the set of some of a cluster's hosts; `subset`: with the locality weights that subsets have. */
type MakeSet = (hosts: readonly EndpointHost[], subset: boolean) => HostSet

/** Chooses among the endpoints whose metadata is what the request asks for (Envoy's SubsetLoadBalancer). */
export class SubsetBalancer implements HostChooser {
  readonly hosts: readonly EndpointHost[]
  readonly #settings: SubsetSettings
  readonly #stats: SubsetStats
  /** By `MetadataMatch.text`. */
  readonly subsets = new Map<string, HostSet>()
  readonly #any: HostSet
  readonly #default: HostSet | undefined

  constructor(hosts: readonly EndpointHost[], settings: SubsetSettings, makeSet: MakeSet, stats: SubsetStats) {
    this.hosts = hosts
    this.#settings = settings
    this.#stats = stats
    const members = new Map<string, EndpointHost[]>()
    for (const selector of settings.selectors.values()) {
      for (const host of hosts) {
        for (const text of subsetsOf(host, selector, settings.listAsAny)) {
          const list = members.get(text)
          if (list === undefined) members.set(text, [host])
          else if (!selector.singleHost) list.push(host)
        }
      }
    }
    for (const [text, list] of members) this.subsets.set(text, makeSet(list, true))
    this.#any = makeSet(hosts, false)
    const isDefault = (host: EndpointHost) => matches(host, settings.defaultSubset, settings.listAsAny)
    const wanted = [settings.fallback, ...[...settings.selectors.values()].map(({ fallback }) => fallback)]
    if (wanted.includes('default')) this.#default = makeSet(hosts.filter(isDefault), true)
  }

  choose(hash: Hash64 | undefined, match: MetadataMatch | undefined): EndpointHost | undefined {
    const { selectors, fallback, panicModeAny } = this.#settings
    if (match !== undefined) {
      const subset = this.subsets.get(match.text)
      if (subset !== undefined) {
        this.#stats.selected.value++
        return subset.choose(hash)
      }
      const selector = selectors.get(match.keys)
      if (selector?.fallback !== undefined) return this.#selectorFallback(selector, hash, match)
    }
    if (fallback === 'none') return undefined
    this.#stats.fallback.value++
    const host = this.#fallback(fallback, hash)
    if (host !== undefined || !panicModeAny) return host
    this.#stats.fallbackPanic.value++
    return this.#any.choose(hash)
  }

  rebuild(): void {
    for (const subset of this.subsets.values()) subset.rebuild()
    this.#any.rebuild()
    this.#default?.rebuild()
  }

  #fallback(kind: SubsetFallback, hash: Hash64 | undefined): EndpointHost | undefined {
    if (kind === 'any') return this.#any.choose(hash)
    return kind === 'default' ? this.#default?.choose(hash) : undefined
  }

  #selectorFallback(
    { fallback, fallbackKeys }: SubsetSelector,
    hash: Hash64 | undefined,
    match: MetadataMatch,
  ): EndpointHost | undefined {
    // Ends: a fallback has fewer keys than its selector.
    if (fallback === 'keys') return this.choose(hash, match.narrowed(fallbackKeys))
    return fallback === undefined ? undefined : this.#fallback(fallback, hash)
  }
}

/** The texts of the subsets of a selector that a host belongs to: one, or several where a list counts as any of its values. */
function subsetsOf(host: EndpointHost, { keys }: SubsetSelector, listAsAny: boolean): string[] {
  const metadata = lbMetadata(host)
  let rows: (readonly [string, string])[][] = [[]]
  for (const key of keys) {
    if (!Object.hasOwn(metadata, key)) return []
    const values = texts(metadata[key], listAsAny)
    rows = rows.flatMap((row) => values.map((value) => [...row, [key, value] as const]))
  }
  return [...new Set(rows.map(matchText))]
}

function matches(host: EndpointHost, wanted: Readonly<Record<string, unknown>>, listAsAny: boolean): boolean {
  const metadata = lbMetadata(host)
  return Object.entries(wanted).every(
    ([key, value]) => Object.hasOwn(metadata, key) && texts(metadata[key], listAsAny).includes(valueText(value)),
  )
}

function texts(value: unknown, listAsAny: boolean): string[] {
  return listAsAny && Array.isArray(value) ? value.map(valueText) : [valueText(value)]
}

function lbMetadata(host: EndpointHost): Readonly<Record<string, unknown>> {
  return (host.metadata[LB_METADATA] ?? {}) as Readonly<Record<string, unknown>>
}
