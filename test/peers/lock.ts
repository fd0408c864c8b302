import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const UNOWNED_MS = 2_000

/**
 * Runs `work` while no other process on this machine runs it for the same path. Test files run in processes of their own, so
 * the lock is a folder (its creation is atomic) that names its owner; the lock of a dead owner is taken over.
 */
export async function locked<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  const lock = `${path}.lock`
  mkdirSync(dirname(lock), { recursive: true })
  while (!take(lock)) await sleep(100)
  try {
    return await work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock)
    writeFileSync(join(lock, 'pid'), String(process.pid))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (abandoned(lock)) rmSync(lock, { recursive: true, force: true })
    return false
  }
}

function abandoned(lock: string): boolean {
  try {
    const pid = Number(readFileSync(join(lock, 'pid'), 'utf8'))
    process.kill(pid, 0)
    return false
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ESRCH') return true
    if (code !== 'ENOENT') return false
  }
  // No owner's name yet: either its process is about to write it, or died just before.
  try {
    return Date.now() - statSync(lock).mtimeMs > UNOWNED_MS
  } catch {
    return false
  }
}
