import { lstatSync, statSync, watch } from 'node:fs'
import { basename, join } from 'node:path'

/** Moves come in pairs (a certificate, then its key) and in threes (the links of a Kubernetes volume); they are told of once. */
const QUIET_MS = 50

/** Where there is no quiet. */
const LONGEST_MS = 1000

/** How often a directory that was taken away is looked for. */
const RETURN_MS = 1000

/**
 * Tells of entries that were moved into a directory (all, or the one of that name), as files are replaced at once. What is written in place is not
 * told of, since it may be half there. The system tells a move from a new file only by the writing that follows: a file that was made
 * where it stands is told of once nobody has written to it for a while, and again if somebody does. A directory that is replaced itself, or that a link leads elsewhere
 * before it goes, counts as moved into. Throws when the directory cannot be watched.
 */
export function watchMoves(directory: string, name: string | undefined, onMove: () => void): { close(): void } {
  return new MoveWatcher(directory, name, onMove)
}

class MoveWatcher {
  readonly #directory: string
  readonly #name: string | undefined
  readonly #onMove: () => void
  #watcher: { close(): void }
  /** Which directory is watched: the system follows that, not the name. */
  #inode = 0n
  #timer: NodeJS.Timeout | undefined
  #returning: NodeJS.Timeout | undefined
  /** What has come, and whether it is being written where it stands: then it may go on after it was told of. */
  readonly #fresh = new Map<string, boolean>()
  /** When the first came that is not told of. */
  #since = 0

  constructor(directory: string, name: string | undefined, onMove: () => void) {
    this.#directory = directory
    this.#name = name
    this.#onMove = onMove
    this.#watcher = this.#watch()
  }

  close(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#returning)
    this.#watcher.close()
  }

  #watch(): { close(): void } {
    const inode = inodeOf(this.#directory)
    const watcher = watch(this.#directory, { persistent: false }, (kind, entry) => {
      if (entry !== null) this.#onEvent(kind === 'rename', entry)
    })
    watcher.on('error', () => watcher.close())
    this.#inode = inode
    return watcher
  }

  #onEvent(renamed: boolean, entry: string): void {
    // The end of the directory itself is told by its own name.
    if (renamed && entry === basename(this.#directory) && !this.#same()) this.#follow()
    if (this.#name !== undefined && entry !== this.#name) return
    if (renamed && !exists(join(this.#directory, entry))) this.#fresh.delete(entry)
    else if (renamed || this.#fresh.has(entry)) this.#came(entry, !renamed)
  }

  #came(entry: string, written: boolean): void {
    const now = performance.now()
    if (this.#timer === undefined) this.#since = now
    this.#fresh.set(entry, written)
    clearTimeout(this.#timer)
    const wait = Math.min(QUIET_MS, Math.max(0, this.#since + LONGEST_MS - now))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      for (const [name, written] of this.#fresh) if (!written) this.#fresh.delete(name)
      this.#onMove()
    }, wait).unref()
  }

  /** Watches what has taken the place of the directory, as soon as there is something. */
  #follow(): void {
    clearTimeout(this.#returning)
    try {
      const next = this.#watch()
      this.#watcher.close()
      this.#watcher = next
    } catch {
      this.#returning = setTimeout(() => this.#follow(), RETURN_MS).unref()
      return
    }
    this.#came('.', false)
  }

  #same(): boolean {
    try {
      return inodeOf(this.#directory) === this.#inode
    } catch {
      return false
    }
  }
}

function inodeOf(directory: string): bigint {
  return statSync(directory, { bigint: true }).ino
}

/** A link counts, wherever it leads; what cannot be looked at is left to whoever reads it. */
function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}
