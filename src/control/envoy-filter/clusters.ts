import type { Config } from '../envoy/config.ts'
import { mergeMessage } from './message.ts'
import type { Part, Patch } from './patch.ts'
import type { PatchSet } from './select.ts'

/** Applies patches to clusters. */
export function patchClusters(clusters: readonly Config[], set: PatchSet): Config[] {
  const patches = set.of('CLUSTER')
  if (patches.length === 0) return [...clusters]
  const patched: Config[] = []
  for (const original of clusters) {
    const cluster = patchCluster(original, patches, set)
    if (cluster !== undefined) patched.push(cluster)
  }
  for (const patch of patches) {
    if (patch.operation !== 'ADD' || patch.value === undefined) continue
    patched.push(patch.value)
    set.applied(patch)
  }
  return patched
}

function patchCluster(original: Config, patches: readonly Patch[], set: PatchSet): Config | undefined {
  let cluster = original
  for (const patch of patches) {
    if (patch.operation === 'ADD' || !fits(patch, cluster)) continue
    set.applied(patch)
    if (patch.operation === 'REMOVE') return undefined
    if (patch.operation === 'MERGE' && patch.value !== undefined) {
      cluster = mergeMessage('envoy.config.cluster.v3.Cluster', cluster, patch.value)
    }
  }
  return cluster
}

/** `outbound|port|subset|service` holds all that a match can ask for. */
function fits({ match }: Patch, cluster: Config): boolean {
  const wanted: Part | undefined = match['cluster']
  if (wanted === undefined) return true
  if (wanted['name'] !== undefined && wanted['name'] !== cluster['name']) return false
  const [, port, subset, service] = String(cluster['name']).split('|')
  if (wanted['portNumber'] && String(wanted['portNumber']) !== port) return false
  if (wanted['subset'] !== undefined && wanted['subset'] !== subset) return false
  return wanted['service'] === undefined || wanted['service'] === service
}
