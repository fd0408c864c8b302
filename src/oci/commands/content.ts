import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FetchedManifest, RegistryClient } from '../client.ts'
import { splitDigest } from '../digest.ts'
import { type Descriptor, referencedBlobs } from '../manifest.ts'
import { orNothing, SupplyError } from '../supply-error.ts'

/** A manifest with everything that belongs to it, in the order in which a registry takes it: what is referred to comes first. */
export interface Content {
  readonly manifests: readonly FetchedManifest[]
  /** Digest -> the tag by which it must be found again: signatures in cosign's classic form. */
  readonly tags: ReadonlyMap<string, string>
  /** Without repetition. */
  readonly blobs: readonly Descriptor[]
  readonly root: FetchedManifest
}

const MAX_DEPTH = 4

/** Collects a manifest, the manifests of an index, and with `signatures` everything that is attached to each of them. */
export async function collect(
  client: RegistryClient,
  version: string | undefined,
  signatures: boolean,
): Promise<Content> {
  const manifests = new Map<string, FetchedManifest>()
  const blobs = new Map<string, Descriptor>()
  const tags = new Map<string, string>()
  const visit = async (fetched: FetchedManifest, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH) throw new SupplyError('SL3012', `${fetched.digest} is nested more than ${MAX_DEPTH} deep`)
    if (manifests.has(fetched.digest)) return
    for (const blob of referencedBlobs(fetched.manifest)) blobs.set(blob.digest, blob)
    for (const child of fetched.manifest.manifests ?? []) await visit(await client.manifest(child.digest), depth + 1)
    manifests.set(fetched.digest, fetched)
    if (!signatures) return
    const { algorithm, hex } = splitDigest(fetched.digest)
    const tag = `${algorithm}-${hex}.sig`
    const signature = await orNothing(client.manifest(tag))
    if (signature !== undefined) {
      tags.set(signature.digest, tag)
      await visit(signature, depth + 1)
    }
    for (const referrer of await client.referrers(fetched.digest)) {
      await visit(await client.manifest(referrer.digest), depth + 1)
    }
  }
  const root = await client.manifest(version)
  await visit(root, 0)
  return { manifests: [...manifests.values()], tags, blobs: [...blobs.values()], root }
}

/** Copies blobs by way of a file in `work`, one at a time. */
export async function copyBlobs(
  from: RegistryClient,
  to: RegistryClient,
  blobs: readonly Descriptor[],
  work: string,
): Promise<void> {
  for (const blob of blobs) {
    if (await to.hasBlob(blob.digest)) continue
    const path = join(work, splitDigest(blob.digest).hex)
    await from.blobToFile(blob, path, Number.MAX_SAFE_INTEGER)
    await to.putBlobFile(blob, path)
    await rm(path, { force: true })
  }
}
