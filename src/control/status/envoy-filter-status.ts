import type { Condition } from '../../kube/index.ts'
import type { EnvoyFilter, Patch } from '../envoy-filter/patch.ts'

/** How often each patch applied, for every connected proxy that the EnvoyFilter is for. */
export type PatchCounts = readonly ReadonlyMap<Patch, number>[]

/** One condition, which names the patches that did nothing: Istio says of them nothing at all. */
export function envoyFilterStatus(filter: EnvoyFilter, proxies: PatchCounts): object {
  const observedGeneration = filter.object.metadata.generation
  const condition = (status: Condition['status'], reason: string, message: string) => ({
    observedGeneration,
    conditions: [{ type: 'Applied', status, reason, message, observedGeneration }],
  })
  const invalid = filter.patches.filter((patch) => patch.invalid !== undefined)
  if (invalid.length > 0) {
    return condition('False', 'Invalid', invalid.map((patch) => `${nameOf(patch)}: ${patch.invalid}`).join('; '))
  }
  const concerned = proxies.filter((counts) => filter.patches.some((patch) => counts.has(patch)))
  if (concerned.length === 0) return condition('False', 'NoMatchingProxies', 'no connected proxy is selected')
  const idle = filter.patches.filter((patch) => concerned.every((counts) => (counts.get(patch) ?? 0) === 0))
  const total = filter.patches.length
  const count = `${total - idle.length} of ${total} patches on ${concerned.length} proxies`
  if (idle.length === 0) return condition('True', 'Applied', count)
  return condition('False', 'PatchesWithoutEffect', `${count}; nothing matched ${idle.map(nameOf).join(', ')}`)
}

function nameOf({ index, applyTo, operation }: Patch): string {
  return `configPatches[${index}] (${applyTo} ${operation})`
}
