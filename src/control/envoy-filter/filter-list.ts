import type { Config } from '../envoy/config.ts'
import { mergeFilter } from './message.ts'
import type { Patch } from './patch.ts'
import type { PatchSet } from './select.ts'

/** Names of Envoy's first years, still found in many EnvoyFilters. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'envoy.http_connection_manager': 'envoy.filters.network.http_connection_manager',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.fault': 'envoy.filters.http.fault',
}

/** Whether a name in a match means this filter. */
export function nameMatches(wanted: string, actual: unknown): boolean {
  return wanted === actual || OLD_NAMES[wanted] === actual
}

/**
 * Applies patches to a list of filters: first those that change the list, then the merges. `fits` tells whether a patch is for this
 * list at all, `nameOf` the filter that it names within the list.
 */
export function patchFilters(
  filters: readonly Config[],
  patches: readonly Patch[],
  set: PatchSet,
  fits: (patch: Patch) => boolean,
  nameOf: (patch: Patch) => string | undefined,
): Config[] {
  let list = [...filters]
  const chosen = patches.filter(fits)
  for (const patch of chosen) {
    const changed = change(list, patch, nameOf(patch))
    if (changed === undefined) continue
    list = changed
    set.applied(patch)
  }
  for (const patch of chosen) {
    if (patch.operation !== 'MERGE' || patch.value === undefined) continue
    const { value } = patch
    const name = nameOf(patch)
    list = list.map((filter) => {
      if (name !== undefined && !nameMatches(name, filter['name'])) return filter
      // What comes by ECDS has no config here to merge into.
      if (filter['typed_config'] === undefined) return filter
      set.applied(patch)
      return mergeFilter(filter, value)
    })
  }
  return list
}

/** The list after an adding or removing patch; undefined when it does nothing. */
function change(list: Config[], { operation, value }: Patch, name: string | undefined): Config[] | undefined {
  const at = name === undefined ? -1 : list.findIndex((filter) => nameMatches(name, filter['name']))
  if (operation === 'REMOVE') {
    return at === -1 || name === undefined ? undefined : list.filter((filter) => !nameMatches(name, filter['name']))
  }
  if (value === undefined) return undefined
  switch (operation) {
    case 'ADD':
      return [...list, value]
    case 'INSERT_FIRST':
      return [value, ...list]
    case 'INSERT_BEFORE':
      if (name === undefined) return [value, ...list]
      return at === -1 ? undefined : list.toSpliced(at, 0, value)
    case 'INSERT_AFTER':
      if (name === undefined) return [...list, value]
      return at === -1 ? undefined : list.toSpliced(at + 1, 0, value)
    case 'REPLACE':
      return at === -1 ? undefined : list.toSpliced(at, 1, value)
    default:
      return undefined
  }
}
