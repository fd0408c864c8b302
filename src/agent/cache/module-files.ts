import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { isProcessAlive } from '../../base/process-alive.ts'
import { measureFile } from '../fetch/magic.ts'

/**
 * The modules themselves, each in a file named by the sha256 of its bytes. A file appears by rename only, so it is whole; it is
 * read back and compared once per process before it is used. Its modification time is when it was last used.
 */
export class ModuleFiles {
  readonly #dir: string
  /** sha256 -> inode and size at the time it was compared. */
  readonly #compared = new Map<string, string>()
  readonly #leases = new Map<string, number>()

  constructor(dir: string) {
    this.#dir = dir
  }

  async open(): Promise<void> {
    await mkdir(join(this.#dir, 'modules'), { recursive: true })
    await mkdir(join(this.#dir, 'tmp'), { recursive: true })
    for (const name of await readdir(join(this.#dir, 'tmp'))) {
      const path = join(this.#dir, 'tmp', name)
      if (await isAbandoned(path, Number(name.split('-')[0]))) await rm(path, { recursive: true, force: true })
    }
  }

  path(sha256: string): string {
    return join(this.#dir, 'modules', `${sha256}.wasm`)
  }

  /** A fresh folder for a fetch, on the same file system; the process id tells a later start whether it was abandoned. */
  async workFolder(): Promise<string> {
    const path = join(this.#dir, 'tmp', `${process.pid}-${randomBytes(6).toString('hex')}`)
    await mkdir(path, { recursive: true })
    return path
  }

  /** Moves a fetched file in. */
  async adopt(from: string, sha256: string): Promise<void> {
    // No sync: a file is compared with its name before a process uses it for the first time.
    await chmod(from, 0o644)
    await rename(from, this.path(sha256))
    await this.#touch(sha256)
  }

  /** Whether the module is there and is what its name says; a file that is not is removed. */
  async has(sha256: string): Promise<boolean> {
    const path = this.path(sha256)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) return false
    const mark = `${found.ino} ${found.size}`
    if (this.#compared.get(sha256) !== mark) {
      const measured = await measureFile(path).catch(() => undefined)
      if (measured?.sha256 !== sha256) {
        await rm(path, { force: true })
        return false
      }
      this.#compared.set(sha256, mark)
    }
    await this.#touch(sha256)
    return true
  }

  /** Keeps a module from being purged until the returned function is called. */
  lease(sha256: string): () => void {
    this.#leases.set(sha256, (this.#leases.get(sha256) ?? 0) + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      const left = this.#leases.get(sha256)! - 1
      if (left === 0) this.#leases.delete(sha256)
      else this.#leases.set(sha256, left)
    }
  }

  /** Marks leased modules as used now: that is how other processes learn of the lease. */
  async renewLeases(): Promise<void> {
    for (const sha256 of this.#leases.keys()) await this.#touch(sha256)
  }

  /** All modules that nobody here holds, the longest unused first, and the size of everything. */
  async unleased(): Promise<{ total: number; idle: { sha256: string; size: number; usedAt: number }[] }> {
    let total = 0
    const idle: { sha256: string; size: number; usedAt: number }[] = []
    for (const name of await readdir(join(this.#dir, 'modules')).catch(() => [])) {
      const found = await stat(join(this.#dir, 'modules', name)).catch(() => undefined)
      if (found === undefined) continue
      total += found.size
      const sha256 = name.replace(/\.wasm$/, '')
      if (!this.#leases.has(sha256)) idle.push({ sha256, size: found.size, usedAt: found.mtimeMs })
    }
    idle.sort((a, b) => a.usedAt - b.usedAt)
    return { total, idle }
  }

  /** Removes a module unless it came into use meanwhile. */
  async remove(sha256: string, usedAt: number): Promise<boolean> {
    const found = await stat(this.path(sha256)).catch(() => undefined)
    if (found === undefined || found.mtimeMs !== usedAt || this.#leases.has(sha256)) return false
    await rm(this.path(sha256), { force: true })
    this.#compared.delete(sha256)
    return true
  }

  async #touch(sha256: string): Promise<void> {
    const now = new Date()
    await utimes(this.path(sha256), now, now).catch(() => {})
  }
}

/** A work folder whose process is gone. In a container the new process often has the old one's id, so time counts too. */
async function isAbandoned(path: string, pid: number): Promise<boolean> {
  if (pid !== process.pid) return !isProcessAlive(pid)
  const made = (await stat(path).catch(() => undefined))?.birthtimeMs ?? 0
  return made < Date.now() - process.uptime() * 1000
}
