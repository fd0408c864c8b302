import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DEFAULT_LIMITS,
  defaultKeychain,
  fetchModule,
  HttpTransport,
  parseReference,
  RegistryClient,
  resolveImage,
} from '../../oci/index.ts'
import { registryOptions } from './registry-options.ts'

export interface Fetched {
  /** Of the image's manifest; undefined for a local file. */
  readonly digest?: string
  readonly format?: string
}

/** Puts the module of a local file or an image at `path`. */
export async function fetchTo(path: string, source: string): Promise<Fetched> {
  if (existsSync(source)) {
    copyFileSync(source, path)
    return {}
  }
  const registries = registryOptions()
  const transport = new HttpTransport(registries)
  const work = mkdtempSync(join(tmpdir(), 'sluice-pull-'))
  try {
    const reference = parseReference(source.replace(/^oci:\/\//, ''))
    const client = new RegistryClient(reference, transport, {
      credentials: defaultKeychain(),
      ...registries,
    })
    const image = await resolveImage(client)
    const module = await fetchModule(client, image, work, DEFAULT_LIMITS)
    copyFileSync(module.path, path)
    return { digest: image.digest, format: module.format }
  } finally {
    rmSync(work, { recursive: true, force: true })
    transport.close()
  }
}
