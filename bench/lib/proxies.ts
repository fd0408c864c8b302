/** Sluice and Envoy with one worker on core 0, on the same bootstrap file. */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { cpSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { envoy } from '../../test/peers/index.ts'
import { start } from './processes.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Makes `dist/` as `npm pack` does, and returns its launcher in `folder`: what is installed holds no TypeScript, and less memory than
 * what runs from source.
 */
export function packed(folder: string): string {
  execFileSync(process.execPath, [join(ROOT, 'scripts/pack.ts')], { stdio: 'ignore' })
  for (const part of ['bin', 'dist', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  rmSync(join(ROOT, 'dist'), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return join(folder, 'bin/sluice.mjs')
}

/** How each is started; Envoy only where it is there. */
export async function commands(
  bootstrap: string,
  launcher: string = join(ROOT, 'bin/sluice.mjs'),
): Promise<ReadonlyMap<string, readonly [string, readonly string[]]>> {
  const args = ['-c', bootstrap, '--concurrency', '1']
  const found = new Map<string, readonly [string, readonly string[]]>()
  found.set('sluice', [process.execPath, [launcher, 'proxy', ...args]])
  const { path } = await envoy()
  if (path !== '') found.set('envoy', [path, [...args, '--disable-hot-restart', '-l', 'error']])
  return found
}

/** Starts one and waits until it answers. */
export async function started(command: readonly [string, readonly string[]], port: number): Promise<ChildProcess> {
  const child = start(command, 0)
  for (let i = 0; i < 400; i++) {
    const status = await fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.status,
      () => 0,
    )
    // Somebody else may be answering there.
    if (child.exitCode !== null) throw new Error(`${command[0]} has ended`)
    if (status === 200) return child
    await sleep(25)
  }
  throw new Error(`nothing answers on port ${port}`)
}
