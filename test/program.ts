import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { told, within } from './within.ts'

const LOOK_MS = 50
const START_MS = 60_000

/** A program beside a test: what it says, whether it has ended, and its end. */
export class Program {
  readonly child: ChildProcess
  /** With its exit code or signal, or why it did not start. */
  readonly exited: Promise<string>
  /** How it has ended. */
  ended: string | undefined
  readonly #name: string
  #log = ''

  constructor(path: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#name = path.slice(path.lastIndexOf('/') + 1)
    this.child = spawn(path, args, options)
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()))
    this.exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.ended ??= how
        resolve(this.ended)
      }
      this.child.once('exit', (code, signal) => end(String(signal ?? code)))
      this.child.once('error', ({ message }) => end(message))
    })
  }

  log(): string {
    return this.ended === undefined ? this.#log : `${this.#log}\nended: ${this.ended}`
  }

  /** Looks until there is something; fails when it ends before, or takes too long, with what it has said. */
  async until<T>(what: string, look: () => T | undefined | Promise<T | undefined>, ms = START_MS): Promise<T> {
    for (const giveUp = Date.now() + ms; ; ) {
      const found = await look()
      if (found !== undefined) return found
      if (this.ended !== undefined) throw new Error(told(`${this.#name} has ended before ${what}`, this.log()))
      if (Date.now() > giveUp) throw new Error(told(`${this.#name}: waited ${ms} ms for ${what}`, this.log()))
      await sleep(LOOK_MS)
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal)
    await within(`the end of ${this.#name} by ${signal}`, this.exited, () => this.log())
  }
}
