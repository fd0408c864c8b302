import { copyFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SupplyError } from '../../oci/index.ts'

/**
 * Copies a module of the local file system into `work`. What was checked must be what runs, so the copy is used from then on:
 * the original may change at any time.
 */
export async function importFile(path: string, work: string): Promise<string> {
  const target = join(work, 'file')
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new SupplyError('SL3022', `${path} (${error.code})`, { cause: error })
  })
  if (!found.isFile()) throw new SupplyError('SL3022', `${path} is no plain file`)
  try {
    await copyFile(path, target)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error
    throw new SupplyError('SL3022', `${path} (${code})`, { cause: error })
  }
  return target
}
