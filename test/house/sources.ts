import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Paths of all files of the project: what git tracks and what it does not ignore. */
export function projectFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 })
  return [...new Set(listed.split('\0'))].filter((file) => file !== '' && !isGone(file)).sort()
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function isGone(file: string): boolean {
  try {
    readFileSync(join(ROOT, file))
    return false
  } catch {
    return true
  }
}
