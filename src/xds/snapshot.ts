import { createHash } from 'node:crypto'
import type { Any } from '@bufbuild/protobuf/wkt'

/** Everything a node may ask for: type URL to name to resource. */
export type Resources = Readonly<Record<string, ReadonlyMap<string, Any>>>

/** A resource with its own version, as delta streams need it. */
interface VersionedResource {
  readonly resource: Any
  /** Of the content: equal content has an equal version, across restarts too, so a reconnecting delta client is spared. */
  readonly version: string
}

/** What changed of one type. */
export interface TypeChange {
  readonly typeUrl: string
  readonly changed: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
}

/** What there is of one type. */
export interface TypeState {
  /** At which it last changed. */
  readonly version: string
  readonly resources: ReadonlyMap<string, VersionedResource>
}

const EMPTY: TypeState = { version: '', resources: new Map() }

/** What the server holds for one node. */
export class NodeSnapshot {
  readonly #types = new Map<string, TypeState>()

  /** Replaces everything; returns the types whose content differs, in no order. */
  replace(resources: Resources, version: string): TypeChange[] {
    const changes: TypeChange[] = []
    for (const typeUrl of new Set([...this.#types.keys(), ...Object.keys(resources)])) {
      const change = this.#replaceType(typeUrl, resources[typeUrl] ?? new Map(), version)
      if (change !== undefined) changes.push(change)
    }
    return changes
  }

  /** The resources of a type that are not among the next ones. */
  leaving(typeUrl: string, next: Resources): [string, Any][] {
    return [...this.type(typeUrl).resources]
      .filter(([name]) => next[typeUrl]?.has(name) !== true)
      .map(([name, { resource }]) => [name, resource])
  }

  /** Whether a type may have changed; equal content in another object counts as a change. */
  differs(typeUrl: string, next: Resources): boolean {
    const { resources } = this.type(typeUrl)
    const coming = next[typeUrl]
    if (resources.size !== (coming?.size ?? 0)) return true
    return [...resources].some(([name, { resource }]) => coming?.get(name) !== resource)
  }

  type(typeUrl: string): TypeState {
    return this.#types.get(typeUrl) ?? EMPTY
  }

  typeUrls(): string[] {
    return [...this.#types.keys()]
  }

  #replaceType(typeUrl: string, next: ReadonlyMap<string, Any>, version: string): TypeChange | undefined {
    const before = this.type(typeUrl).resources
    const changed = new Set<string>()
    const after = new Map<string, VersionedResource>()
    for (const [name, resource] of next) {
      const known = before.get(name)
      if (known?.resource === resource) {
        after.set(name, known)
        continue
      }
      const contentVersion = versionOf(resource)
      if (known?.version === contentVersion) {
        after.set(name, known)
        continue
      }
      after.set(name, { resource, version: contentVersion })
      changed.add(name)
    }
    const removed = new Set([...before.keys()].filter((name) => !next.has(name)))
    const first = !this.#types.has(typeUrl)
    if (changed.size === 0 && removed.size === 0 && !first) return undefined
    this.#types.set(typeUrl, { version, resources: after })
    return { typeUrl, changed, removed }
  }
}

function versionOf(resource: Any): string {
  return createHash('sha1').update(resource.typeUrl).update(resource.value).digest('base64url').slice(0, 16)
}
