import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { install } from './install.ts'
import { absent, found, type Peer } from './peer.ts'
import { run } from './run.ts'

/** Go with wasip1 reactors (`-buildmode=c-shared`), which came with 1.24. */
export async function go(): Promise<Peer> {
  const told = await run('go', ['version'], { timeoutMs: 20_000 }).catch((error: Error) => error)
  if (told instanceof Error) return absent('go', told.message)
  const minor = Number(/go1\.(\d+)/.exec(told)?.[1] ?? 0)
  if (minor < 24) return absent('go', `Go 1.24 or newer is needed, this is ${told}`)
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '')
  return found(join(folders.find((dir) => existsSync(join(dir, 'go'))) ?? '', 'go'))
}

/** A program built from the Go module proxy; at low priority, since it may take minutes of all cores. */
export async function fromGo(name: string, program: string, version: string, timeoutMs: number): Promise<Peer> {
  const compiler = await go()
  if (compiler.skip !== false) return absent(name, compiler.skip)
  const built = program.slice(program.lastIndexOf('/') + 1)
  return install(name, version, built, async (dir) => {
    const build = ['-n', '19', compiler.path, 'install', '-trimpath', '-ldflags', '-s -w', `${program}@v${version}`]
    await run('nice', build, { cwd: dir, env: { GOBIN: dir, CGO_ENABLED: '0' }, timeoutMs })
  })
}
