import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** How a file is written that is there whole or not at all. */
export interface WriteOptions {
  /** Permissions, from the beginning on: a secret is never readable by others in between. */
  readonly mode?: number
  /**
   * False where the reader checks what it reads: a machine that loses power may then leave an empty file, but a process that is killed
   * never does. A sync costs milliseconds.
   */
  readonly sync?: boolean
}

/**
 * Writes a whole file so that a reader, or a process that starts after a crash, sees either the old content or all of the new:
 * temporary file in the same folder, sync, rename.
 */
export async function writeAtomic(path: string, data: Uint8Array | string, options: WriteOptions = {}): Promise<void> {
  const { mode = 0o644, sync = true } = options
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(data)
      if (sync) await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
