import { chmodSync, globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { install } from './install.ts'
import { locked } from './lock.ts'
import { CACHE, type Peer } from './peer.ts'
import { run } from './run.ts'

/**
 * A program of the Debian archive, unpacked into a folder of its own with what it needs: nothing of the machine is changed and
 * no service is started. `program` is its path in the package; `needs` names those packages of the closure that are wanted
 * (default: all that are not installed).
 */
export function fromDebian(
  packages: readonly string[],
  program: string,
  prepare?: (root: string) => void,
): Promise<Peer> {
  const [name] = packages
  return install(name, 'debian', 'start', async (dir) => {
    const root = join(dir, 'root')
    await unpack(packages, dir, root)
    prepare?.(root)
    const start = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/root/usr/lib/x86_64-linux-gnu:$here/root/usr/lib/llvm-22/lib:$here/root/usr/lib/aarch64-linux-gnu"
exec "$here/root/${program}" "$@"
`
    writeFileSync(join(dir, 'start'), start)
    chmodSync(join(dir, 'start'), 0o755)
  })
}

async function unpack(packages: readonly string[], dir: string, root: string): Promise<void> {
  const closure = await locked(join(CACHE, 'peers/apt'), () => closureOf(packages))
  const debs = join(dir, 'debs')
  mkdirSync(debs)
  mkdirSync(root)
  await run('apt-get', ['download', '-qq', ...closure], { cwd: debs, timeoutMs: 240_000 })
  for (const deb of readdirSync(debs)) await run('dpkg-deb', ['-x', join(debs, deb), root], { timeoutMs: 120_000 })
  rmSync(debs, { recursive: true })
}

/** What apt would install: the packages and those of their dependencies that the machine lacks. */
async function closureOf(packages: readonly string[]): Promise<string[]> {
  if (process.getuid?.() === 0 && globSync('/var/lib/apt/lists/*_Packages*').length === 0) {
    await run('apt-get', ['update', '-qq'], { timeoutMs: 120_000 })
  }
  const simulate = ['-s', '-o', 'Debug::NoLocking=true', '--no-install-recommends', 'install', ...packages]
  const plan = await run('apt-get', simulate, { timeoutMs: 60_000 })
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name)
  return [...new Set([...packages, ...names])]
}
