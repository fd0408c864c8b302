import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes a folder and those above it. Node's own `recursive` tries for ever where the system calls what is there absent, as below /proc. */
export function makeFolders(dir: string, mode: number): void {
  if (isFolder(dir)) return
  const above = dirname(dir)
  if (above !== dir) makeFolders(above, mode)
  try {
    mkdirSync(dir, { mode })
  } catch (error) {
    // Another process may have been faster.
    if (!isFolder(dir)) throw error
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
