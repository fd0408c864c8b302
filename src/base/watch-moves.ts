import { lstatSync, watch } from 'node:fs'
import { join } from 'node:path'

/** Moves come in pairs (a certificate, then its key) and in threes (the links of a Kubernetes volume); they are told of once. */
const QUIET_MS = 50
/** Where there is no quiet. */
const LONGEST_MS = 1000

/**
 * Tells of entries that were moved into a directory (all, or the one of that name), as files are replaced at once. What is written in place is not
 * told of, since it may be half there. The system tells a move from a new file only by the writing that follows: a file that was made
 * where it stands is told of once nobody has written to it for a while. Throws when the directory cannot be watched.
 */
export function watchMoves(directory: string, name: string | undefined, onMove: () => void): { close(): void } {
  const moved = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let begun = 0
  const tell = () => {
    timer = undefined
    moved.clear()
    onMove()
  }
  const watcher = watch(directory, { persistent: false }, (kind, entry) => {
    if (entry === null || (name !== undefined && entry !== name)) return
    if (kind === 'rename' && exists(join(directory, entry))) moved.add(entry)
    if (!moved.has(entry)) return
    const now = performance.now()
    if (timer === undefined) begun = now
    clearTimeout(timer)
    timer = setTimeout(tell, Math.max(0, Math.min(QUIET_MS, begun + LONGEST_MS - now))).unref()
  })
  // A directory that is taken away: there is nothing left to tell of.
  watcher.on('error', () => watcher.close())
  return {
    close() {
      clearTimeout(timer)
      watcher.close()
    },
  }
}

/** A link counts, wherever it leads. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
