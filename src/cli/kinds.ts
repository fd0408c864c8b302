import type { KubeClient } from '../kube/client.ts'
import type { ResourceType } from '../kube/types.ts'
import { UsageError } from './command.ts'

/** A kind as the server's discovery tells it. */
export interface DiscoveredKind extends ResourceType {
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly preferred: boolean
}

/** Every kind that the server serves, preferred versions first. */
export async function discover(client: KubeClient): Promise<DiscoveredKind[]> {
  const groups = await client.request('GET', '/apis')
  const versions: { path: string; group: string; version: string; preferred: boolean }[] = [
    { path: '/api/v1', group: '', version: 'v1', preferred: true },
  ]
  for (const group of groups.groups) {
    for (const { version } of group.versions) {
      const preferred = version === group.preferredVersion.version
      versions.push({ path: `/apis/${group.name}/${version}`, group: group.name, version, preferred })
    }
  }
  const lists = await Promise.all(versions.map(async (at) => ({ at, list: await client.request('GET', at.path) })))
  const kinds: DiscoveredKind[] = []
  for (const { at, list } of lists) {
    for (const entry of list.resources) {
      if (entry.name.includes('/')) continue
      kinds.push({
        group: at.group,
        version: at.version,
        preferred: at.preferred,
        plural: entry.name,
        singular: entry.singularName,
        kind: entry.kind,
        namespaced: entry.namespaced,
        shortNames: entry.shortNames ?? [],
      })
    }
  }
  return kinds.sort((a, b) => Number(b.preferred) - Number(a.preferred))
}

/** Finds what a user wrote: `te`, `trafficextension`, `gateways.networking.istio.io`, `Pod`. */
export function kindNamed(kinds: readonly DiscoveredKind[], word: string): DiscoveredKind {
  const [name, ...group] = word.toLowerCase().split('.')
  const fits = (kind: DiscoveredKind) =>
    kind.plural === name ||
    kind.singular === name ||
    kind.kind.toLowerCase() === name ||
    kind.shortNames.some((short) => short === name)
  const found = kinds.find((kind) => fits(kind) && (group.length === 0 || kind.group === group.join('.')))
  if (found === undefined) throw new UsageError(`the server has no resource type «${word}»`)
  return found
}

/** Finds the kind of an object by its apiVersion and kind. */
export function kindOf(kinds: readonly DiscoveredKind[], apiVersion: string, kind: string): DiscoveredKind | undefined {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  return kinds.find((entry) => entry.group === group && entry.version === version && entry.kind === kind)
}

/** `trafficextension.extensions.istio.io/basic-auth`, as kubectl names an object. */
export function displayName(kind: DiscoveredKind, name: string): string {
  return `${kind.singular || kind.kind.toLowerCase()}${kind.group === '' ? '' : `.${kind.group}`}/${name}`
}
