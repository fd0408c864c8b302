import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_LIMITS } from '../unpack.ts'
import { fetchModule, type ImageFormat, resolveImage } from '../wasm-image.ts'
import { type AccessOptions, withClient } from './open.ts'

/** Writes the module of an image to a file; returns the digest of the image's manifest and how the image held the module. */
export async function pullModule(
  ref: string,
  path: string,
  options: AccessOptions = {},
): Promise<{ digest: string; format: ImageFormat }> {
  const work = await mkdtemp(join(tmpdir(), 'sluice-pull-'))
  try {
    return await withClient(ref, options, false, async (client) => {
      const image = await resolveImage(client)
      const module = await fetchModule(client, image, work, DEFAULT_LIMITS)
      await copyFile(module.path, path)
      return { digest: image.digest, format: module.format }
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
