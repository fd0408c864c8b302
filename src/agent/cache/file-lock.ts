import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { sleep } from '../../base/backoff.ts'
import { isProcessAlive } from '../../base/process-alive.ts'

const HEARTBEAT_MS = 1000
/** A lock that was not renewed for this long belongs to a process that is gone, wherever it ran. */
const STALE_MS = 5000

/** The locks of this process: one that names its id and is not among them is of an earlier process with the same id. */
const held = new Set<string>()

/**
 * Runs something while holding a lock file, so that of several processes that share a cache one fetches and the others find the
 * result. It saves work, it guards nothing: every write behind it is atomic, so a lock that is taken over too early does no harm.
 */
export async function withFileLock<T>(path: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  while (!(await acquire(path))) await sleep(50, signal)
  held.add(path)
  const renewal = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS)
  renewal.unref()
  try {
    return await run()
  } finally {
    clearInterval(renewal)
    held.delete(path)
    await rm(path, { force: true })
  }
}

async function acquire(path: string): Promise<boolean> {
  // A lock of a dead process on this machine need not be waited for.
  for (let i = 0; i < 2; i++) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(`${process.pid} ${hostname()}`)
      await file.close()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (!(await isAbandoned(path))) return false
    await rm(path, { force: true })
  }
  return false
}

async function isAbandoned(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return false
  if (Date.now() - found.mtimeMs > STALE_MS) return true
  const [pid, host] = (await readFile(path, 'utf8').catch(() => '')).split(' ')
  // Empty for a moment after it was made.
  if (host !== hostname()) return false
  return Number(pid) === process.pid ? !held.has(path) : !isProcessAlive(Number(pid))
}
