import { apiVersionOf, type Kind, type KindVersion, type Target } from './kind.ts'

/** GA before beta before alpha, then the higher number: apimachinery version.CompareKubeAwareVersionStrings. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [parseVersion(a), parseVersion(b)]
  if (x === undefined || y === undefined) {
    if (x !== undefined) return -1
    if (y !== undefined) return 1
    return a < b ? -1 : a > b ? 1 : 0
  }
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return y[i] - x[i]
  return 0
}

function parseVersion(text: string): [stability: number, major: number, minor: number] | undefined {
  const found = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text)
  if (found === null) return undefined
  const stability = found[2] === undefined ? 2 : found[2] === 'beta' ? 1 : 0
  return [stability, Number(found[1]), Number(found[3] ?? 0)]
}

export interface GroupVersion {
  readonly group: string
  readonly version: string
}

/** All kinds that are served now. */
export class KindRegistry {
  readonly #kinds = new Map<string, Kind>()
  readonly #listeners: (() => void)[] = []

  add(kind: Kind): void {
    this.#kinds.set(`${kind.group}/${kind.plural}`, kind)
    for (const changed of this.#listeners) changed()
  }

  remove(group: string, plural: string): void {
    if (!this.#kinds.delete(`${group}/${plural}`)) return
    for (const changed of this.#listeners) changed()
  }

  /** Discovery and OpenAPI keep what they made until the kinds change. */
  onChange(changed: () => void): void {
    this.#listeners.push(changed)
  }

  get(group: string, plural: string): Kind | undefined {
    return this.#kinds.get(`${group}/${plural}`)
  }

  find(group: string, version: string, plural: string): Target | undefined {
    const kind = this.get(group, plural)
    const found = kind?.versions.find((v) => v.version === version && v.served)
    return kind === undefined || found === undefined ? undefined : target(kind, found)
  }

  all(): Kind[] {
    return [...this.#kinds.values()]
  }

  /** Group versions in order of preference; the core group first, then groups as they were added. */
  groupVersions(): GroupVersion[] {
    const groups = new Map<string, Set<string>>()
    for (const kind of this.#kinds.values()) {
      let versions = groups.get(kind.group)
      if (versions === undefined) {
        versions = new Set()
        groups.set(kind.group, versions)
      }
      for (const version of kind.versions) if (version.served) versions.add(version.version)
    }
    return [...groups].flatMap(([group, versions]) =>
      [...versions].sort(compareVersions).map((version) => ({ group, version })),
    )
  }

  targets(group: string, version: string): Target[] {
    const found: Target[] = []
    for (const kind of this.#kinds.values()) {
      if (kind.group !== group) continue
      const at = kind.versions.find((v) => v.version === version && v.served)
      if (at !== undefined) found.push(target(kind, at))
    }
    return found
  }
}

function target(kind: Kind, version: KindVersion): Target {
  return { kind, version, apiVersion: apiVersionOf(kind.group, version.version) }
}

/** The version that objects are kept in. */
export function storageTarget(kind: Kind): Target {
  const version = kind.versions.find((v) => v.version === kind.storageVersion)
  if (version === undefined) throw new Error(`${kind.storage}: no storage version ${kind.storageVersion}`)
  return target(kind, version)
}
