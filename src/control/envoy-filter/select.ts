import { RE2JS } from 're2js'
import { attaches } from '../model/attach.ts'
import type { Mesh } from '../model/mesh.ts'
import type { Workload } from '../model/workload.ts'
import { type EnvoyFilter, type Patch, readEnvoyFilter } from './patch.ts'

const MAX_VERSION_REGEX = 1024

/** The patches for one proxy, in the order in which they apply, and how often each did. */
export class PatchSet {
  readonly #patches: readonly Patch[]
  readonly #counts = new Map<Patch, number>()

  constructor(patches: readonly Patch[]) {
    this.#patches = patches
  }

  get empty(): boolean {
    return this.#patches.length === 0
  }

  of(applyTo: string): readonly Patch[] {
    return this.#patches.filter((patch) => patch.applyTo === applyTo && patch.invalid === undefined)
  }

  applied(patch: Patch): void {
    this.#counts.set(patch, (this.#counts.get(patch) ?? 0) + 1)
  }

  /** Counts anew for what is built more often than the rest. */
  reset(applyTo: string): void {
    for (const patch of this.of(applyTo)) this.#counts.delete(patch)
  }

  /** How often each patch applied. */
  counts(): ReadonlyMap<Patch, number> {
    return new Map(this.#patches.map((patch) => [patch, this.#counts.get(patch) ?? 0]))
  }
}

/** All of the mesh, read once per change of one. */
export function envoyFilters(mesh: Mesh): readonly EnvoyFilter[] {
  return mesh.derive('envoyFilters', ['envoyFilter'], () => mesh.all('envoyFilter').map(readEnvoyFilter))
}

/** Priority upwards, the root namespace before the proxy's own, then age, then name. */
export function patchesFor(mesh: Mesh, proxy: Workload): PatchSet {
  const { rootNamespace } = mesh
  const chosen = envoyFilters(mesh)
    .filter(({ namespace }) => namespace === rootNamespace || namespace === proxy.namespace)
    .filter((filter) => attaches(filter, proxy, rootNamespace))
    .toSorted(
      (a, b) => a.priority - b.priority || scope(a) - scope(b) || compare(age(a), age(b)) || compare(id(a), id(b)),
    )
  function scope({ namespace }: EnvoyFilter): number {
    return namespace === rootNamespace ? 0 : 1
  }
  return new PatchSet(chosen.flatMap(({ patches }) => patches.filter((patch) => proxyMatches(patch, proxy))))
}

function proxyMatches({ match, applyTo }: Patch, proxy: Workload): boolean {
  const { context, proxy: wanted } = match
  // The context of an extension config is not looked at: whoever asks for it by name gets it.
  if (applyTo !== 'EXTENSION_CONFIG' && !contextMatches(context, proxy)) return false
  if (
    wanted?.proxyVersion !== undefined &&
    wanted.proxyVersion !== '' &&
    !versionMatches(wanted.proxyVersion, proxy.version)
  ) {
    return false
  }
  return Object.entries(wanted?.metadata ?? {}).every(([key, value]) => proxy.metadata[key] === value)
}

function contextMatches(context: string | undefined, proxy: Workload): boolean {
  if (context === undefined || context === 'ANY') return true
  return context === 'GATEWAY' ? proxy.type === 'router' : proxy.type !== 'router'
}

function versionMatches(pattern: string, version: string): boolean {
  if (pattern.length > MAX_VERSION_REGEX || version === '') return false
  try {
    return RE2JS.compile(pattern).matcher(version).find()
  } catch {
    return false
  }
}

function age({ object }: EnvoyFilter): string {
  return object.metadata.creationTimestamp ?? ''
}

function id({ object, namespace }: EnvoyFilter): string {
  return `${object.metadata.name}.${namespace}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
