import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'

const log = logger('pods')

/**
 * The processes of containers, written down so that a run that was killed does not leave them behind: the next run ends those
 * that are still there, with all their children, before their addresses are given out again.
 */
export class ProcessTable {
  readonly #file: string
  /** Process (group) id to its start time, by which a later process of the same id is told apart. */
  readonly #entries = new Map<number, string>()

  constructor(file: string) {
    this.#file = file
    mkdirSync(dirname(file), { recursive: true })
  }

  /** Ends what a former run left; returns how many groups there were. */
  endOrphans(): number {
    let count = 0
    for (const [pid, started] of this.#read()) {
      if (startTime(pid) !== started) continue
      signalGroup(pid, 'SIGKILL')
      count++
    }
    this.#write()
    return count
  }

  add(pid: number): void {
    this.#entries.set(pid, startTime(pid) ?? '')
    this.#write()
  }

  remove(pid: number): void {
    this.#entries.delete(pid)
    this.#write()
  }

  /** For the last resort at exit: everything that is still there, at once. */
  killAll(): void {
    for (const pid of this.#entries.keys()) signalGroup(pid, 'SIGKILL')
  }

  #read(): [number, string][] {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8'))
    } catch {
      return []
    }
  }

  #write(): void {
    try {
      writeFileSync(`${this.#file}.new`, JSON.stringify([...this.#entries]))
      renameSync(`${this.#file}.new`, this.#file)
    } catch (error) {
      log.warn({ file: this.#file, error: messageOf(error) }, 'the list of processes cannot be written')
    }
  }
}

/** A signal to a process that leads its own group, and to all of the group; false when there is none any more. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

/** Field 22 of /proc/pid/stat: clock ticks after boot. The command name before it may hold spaces and parentheses. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
