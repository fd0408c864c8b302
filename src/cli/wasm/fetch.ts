import { copyFileSync, existsSync } from 'node:fs'
import { type AccessOptions, pullModule } from '../../oci/index.ts'
import { registryOptions } from './registry-options.ts'

export interface Fetched {
  /** Of the image's manifest; undefined for a local file. */
  readonly digest?: string
  readonly format?: string
}

/** Puts the module of a local file or an image at `path`. */
export async function fetchTo(
  path: string,
  source: string,
  onTransfer: AccessOptions['onTransfer'] = undefined,
): Promise<Fetched> {
  // A file that is not there is not looked for on Docker Hub.
  const isFile = existsSync(source) || /^\.{0,2}\/|^[^/]*\.wasm$/.test(source)
  if (!isFile) return await pullModule(source, path, { ...registryOptions(), onTransfer })
  copyFileSync(source, path)
  return {}
}
