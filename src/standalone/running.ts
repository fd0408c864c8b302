import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { SluiceError } from '../errors.ts'
import type { Home } from './home.ts'

/** The addresses of a running instance, as `sluice env` and the address table need them. */
export interface Running {
  readonly pid: number
  readonly api: string
  readonly ingressHost: string
  readonly ingressPort: number
  readonly secureIngressPort: number
  readonly registry: string
}

/** Who runs from this home now; undefined when nobody does (a file left behind by a killed process does not count). */
export function readRunning(home: Home): Running | undefined {
  let running: Running
  try {
    running = JSON.parse(readFileSync(home.running, 'utf8'))
  } catch {
    return undefined
  }
  return isAlive(running.pid) ? running : undefined
}

/** Refuses to start a second instance on the same home, whose store and pods it would fight over. */
export function refuseSecond(home: Home): void {
  const other = readRunning(home)
  if (other === undefined || other.pid === process.pid) return
  throw new SluiceError('SL6006', `process ${other.pid} runs from ${home.dir}`, { where: home.running })
}

export function writeRunning(home: Home, running: Running): void {
  writeFileSync(home.running, JSON.stringify(running, null, 2))
}

export function removeRunning(home: Home): void {
  rmSync(home.running, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
