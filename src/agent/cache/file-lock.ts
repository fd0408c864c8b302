import { mkdir, open, rm, stat, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sleep } from '../../base/backoff.ts'

const HEARTBEAT_MS = 1000
/** A lock that was not renewed for this long belongs to a process that is gone. */
const STALE_MS = 5000

/**
 * Runs something while holding a lock file, so that of several processes that share a cache one fetches and the others find the
 * result. It saves work, it guards nothing: every write behind it is atomic, so a lock that is taken over too early does no harm.
 */
export async function withFileLock<T>(path: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  while (!(await acquire(path))) await sleep(50, signal)
  const renewal = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS)
  renewal.unref()
  try {
    return await run()
  } finally {
    clearInterval(renewal)
    await rm(path, { force: true })
  }
}

async function acquire(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true })
  return false
}
