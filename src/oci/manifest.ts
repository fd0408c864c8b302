import { isDigest } from './digest.ts'

/** Manifests and indexes as the OCI image spec 1.1 and Docker's schema 2 have them; fields that Sluice reads or writes. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly artifactType?: string
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string }
  /** Foreign layers are fetched elsewhere; a registry need not hold them. */
  readonly urls?: readonly string[]
}

/** A manifest or an index, as OCI's image spec and Docker's schema 2 have them in common. */
export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config?: Descriptor
  readonly layers?: readonly Descriptor[]
  /** Of an index or manifest list. */
  readonly manifests?: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** Parses a manifest; returns a text that says what is wrong when it is none. */
export function parseManifest(bytes: Uint8Array): Manifest | string {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return 'the manifest is not JSON'
  }
  if (!isObject(json)) return 'the manifest is not a JSON object'
  if (json['schemaVersion'] === 1) return 'manifests of schema version 1 are not supported'
  if (json['schemaVersion'] !== 2) return 'schemaVersion must be 2'
  for (const field of ['config', 'subject']) {
    if (json[field] !== undefined && json[field] !== null && !isDescriptor(json[field])) {
      return `${field} is not a valid descriptor`
    }
  }
  for (const field of ['layers', 'manifests']) {
    const list = json[field]
    if (list === undefined || list === null) continue
    if (!Array.isArray(list) || !list.every(isDescriptor)) return `${field} has an invalid descriptor`
  }
  return json as unknown as Manifest
}

/** All descriptors that a registry must hold before it may take the manifest (`subject` need not exist). */
export function referencedBlobs(manifest: Manifest): Descriptor[] {
  const all = [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]
  return all.filter((descriptor) => descriptor.urls === undefined || descriptor.urls.length === 0)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false
  const { mediaType, digest, size } = value
  return (
    typeof mediaType === 'string' &&
    typeof digest === 'string' &&
    isDigest(digest) &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0
  )
}
