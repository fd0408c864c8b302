import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const WEEK_MS = 7 * 24 * 3600_000
/** As Node names the folders in a compile cache: version, architecture, a hash of V8's flags, user. */
const FOLDER = /^(v\d+\.\d+\.\d+)-/

/**
 * Removes what other versions of Node have left in our compile cache (13 MB each). One that was added to within a week may belong to
 * another Sluice of this user; another that is in use all the same is made again with its next start.
 */
export async function removeOldCompileCaches(cache: string, now = Date.now()): Promise<void> {
  // Who names another folder may share it with other programs.
  if (!cache.endsWith(join('.cache', 'sluice', 'compile'))) return
  for (const name of await readdir(cache).catch(() => [])) {
    const version = FOLDER.exec(name)?.[1]
    if (version === undefined || version === process.version) continue
    const folder = join(cache, name)
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: now }))
    if (now - mtimeMs > WEEK_MS) await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}
