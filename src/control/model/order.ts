import type { Extension, Phase } from './extension.ts'

/** Extensions in the order in which they stand, phase by phase. */
export type ByPhase = Readonly<Record<Phase, readonly Extension[]>>

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The order in which all extensions are kept: oldest first, then by name, then by namespace. */
export function byAge(a: Extension, b: Extension): number {
  return a.createdAt - b.createdAt || compare(a.name, b.name) || compare(a.namespace, b.namespace)
}

/** Where a proxy's extensions may live, in the order in which those of equal priority run. */
export function namespacesFor(proxyNamespace: string, rootNamespace: string): string[] {
  return [...new Set([proxyNamespace, rootNamespace])].filter((namespace) => namespace !== '')
}

/**
 * Groups extensions by phase, each in the order of the request path: priority from high to low; equal ones by namespace as given,
 * then by age. `extensions` must be sorted by {@link byAge}.
 */
export function orderByPhase(extensions: readonly Extension[], namespaces: readonly string[]): ByPhase {
  const phases: Record<Phase, Extension[]> = { AUTHN: [], AUTHZ: [], STATS: [], UNSPECIFIED: [] }
  for (const namespace of namespaces) {
    for (const extension of extensions) {
      if (extension.namespace === namespace) phases[extension.phase].push(extension)
    }
  }
  for (const phase of Object.values(phases)) phase.sort((a, b) => b.priority - a.priority)
  return phases
}
