import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MediaType } from '../media-types.ts'
import { collect, copyBlobs } from './content.ts'
import { type AccessOptions, withClient } from './open.ts'

export interface CopyOptions extends AccessOptions {
  /** With its signatures; true unless told. */
  readonly signatures?: boolean
}

/** Copies an image, byte for byte, from one registry to another; returns its digest. */
export async function copyImage(from: string, to: string, options: CopyOptions = {}): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'sluice-copy-'))
  try {
    return await withClient(from, options, false, async (source) => {
      const content = await collect(source, undefined, options.signatures ?? true)
      return await withClient(to, options, true, async (target) => {
        await copyBlobs(source, target, content.blobs, work)
        for (const { digest, mediaType, bytes } of content.manifests) {
          const type = mediaType === '' ? MediaType.ociManifest : mediaType
          await target.putManifest(bytes, type)
          const tag = digest === content.root.digest ? target.reference.tag : content.tags.get(digest)
          if (tag !== undefined) await target.putManifest(bytes, type, tag)
        }
        return content.root.digest
      })
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
