import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Abi, buildExtension } from '../build.ts'

export const ABIS: readonly Abi[] = ['0.1.0', '0.2.0', '0.2.1']

/** One of the extensions beside this file; built once for each state of the sources. */
export function fixture(name: 'all-functions' | 'codecs', abi: Abi): Promise<Uint8Array> {
  const entry = fileURLToPath(new URL(`./${name}/index.ts`, import.meta.url))
  return buildExtension(entry, { abi, cacheDir: join(tmpdir(), 'sluice-extensions') })
}
