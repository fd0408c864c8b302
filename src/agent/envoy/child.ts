import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import { sleep } from '../../base/backoff.ts'
import { SluiceError } from '../../errors.ts'

/** How Envoy is started and ended. */
export interface ChildOptions {
  readonly command: readonly [string, ...string[]]
  readonly adminPort: number
  /** Between the first signal and the last: listeners drain, then the process is told to end. */
  readonly drainMs: number
  readonly env?: NodeJS.ProcessEnv
}

/** A supervised Envoy. It is not started again: whoever started the agent (a kubelet, systemd) does that for both together. */
export class EnvoyChild {
  readonly #process: ChildProcess
  readonly #options: ChildOptions
  /** The exit code, 128 plus the signal's number where one ended it. */
  readonly exited: Promise<number>
  #stopping: Promise<number> | undefined

  private constructor(process: ChildProcess, options: ChildOptions) {
    this.#process = process
    this.#options = options
    this.exited = new Promise((resolve) => {
      process.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)))
    })
  }

  /** Rejects when the program cannot be started at all. */
  static async start(options: ChildOptions): Promise<EnvoyChild> {
    const [program, ...args] = options.command
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env: options.env ?? process.env })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (cause) => reject(new SluiceError('SL3030', `${program}: ${cause.message}`, { cause })))
    })
    return new EnvoyChild(child, options)
  }

  /** Drains listeners, lets requests finish, ends the process; kills it when that does not help. */
  stop(): Promise<number> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<number> {
    await post(this.#options.adminPort, '/drain_listeners?graceful')
    await Promise.race([sleep(this.#options.drainMs), this.exited])
    this.#process.kill('SIGTERM')
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), 2000)
    const code = await this.exited
    clearTimeout(kill)
    return code
  }
}

/** A POST to Envoy's admin interface whose answer does not matter: a process that is gone needs no draining. */
function post(port: number, path: string): Promise<void> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, method: 'POST', timeout: 1000, agent: false }, (response) => {
      response.resume()
      response.on('close', resolve)
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve())
    call.end()
  })
}
