import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Paths of all files of the project: what git tracks and does not ignore or, without git, what lies here but is not made here. */
export function projectFiles(): string[] {
  return [...new Set(listed())].filter((file) => file !== '' && existsSync(join(ROOT, file))).sort()
}

function listed(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const git = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 })
  if (git.status === 0) return git.stdout.split('\0')
  const made = /(^|\/)(node_modules|gen|dist|coverage|\.git|\.sluice)(\/|$)/
  return globSync('**/*', { cwd: ROOT, exclude: (path) => made.test(path) }).filter((file) =>
    statSync(join(ROOT, file)).isFile(),
  )
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}
