import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder that holds everything which outlives a run: `$SLUICE_HOME`, or `~/.sluice`. */
export interface Home {
  readonly dir: string
  readonly kubeconfig: string
  /** What a running instance tells other commands: addresses and its process id. */
  readonly running: string
  readonly store: string
  readonly registry: string
  readonly cache: string
  readonly logs: string
}

export function openHome(dir = process.env['SLUICE_HOME'] ?? join(homedir(), '.sluice')): Home {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return {
    dir,
    kubeconfig: join(dir, 'kubeconfig'),
    running: join(dir, 'running.json'),
    store: join(dir, 'store'),
    registry: join(dir, 'registry'),
    cache: join(dir, 'cache'),
    logs: join(dir, 'logs'),
  }
}
