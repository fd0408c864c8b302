import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The outcome of a shell command. */
export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface InstanceOptions {
  /** Reuse a home of an earlier instance; a fresh temporary one unless told. */
  readonly home?: string
  readonly args?: readonly string[]
  /** The program to run; the checkout's launcher unless told. */
  readonly launcher?: string
  readonly cwd?: string
}

/** `sluice up` as a user starts it, on free ports and a home of its own. */
export class Instance {
  readonly home: string
  /** What the second terminal has after `eval "$(npx sluice env)"`. */
  readonly env: NodeJS.ProcessEnv
  readonly ports: Readonly<Record<string, number>>
  readonly process: ChildProcess
  output = ''

  private constructor(home: string, ports: Record<string, number>, process: ChildProcess, env: NodeJS.ProcessEnv) {
    this.home = home
    this.ports = ports
    this.process = process
    this.env = env
  }

  /** Starts one and waits for its address table. */
  static async start(options: InstanceOptions = {}): Promise<Instance> {
    const home = options.home ?? mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
    const names = ['api', 'registry', 'xds', 'monitoring', 'http', 'https']
    const free = await freePorts(names.length)
    const ports = Object.fromEntries(names.map((name, i) => [name, free[i]]))
    const launcher = options.launcher ?? join(root, 'bin/sluice.mjs')
    const portArgs = names.flatMap((name) => [`--${name}-port`, String(ports[name])])
    const child = spawn(process.execPath, [launcher, 'up', ...portArgs, ...(options.args ?? [])], {
      env: { ...process.env, SLUICE_HOME: home },
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const env = {
      ...process.env,
      SLUICE_HOME: home,
      KUBECONFIG: join(home, 'kubeconfig'),
      INGRESS_HOST: '127.0.0.1',
      INGRESS_PORT: String(ports['http']),
      KUBECACHEDIR: join(home, 'kube-cache'),
    }
    const instance = new Instance(home, ports, child, env)
    await instance.#up()
    return instance
  }

  /** Runs a command line in a shell that has evaluated `sluice env`. */
  shell(command: string, cwd = root): Promise<Result> {
    return new Promise((resolve) => {
      execFile('bash', ['-c', command], { env: this.env, cwd, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ code, stdout, stderr })
      })
    })
  }

  /** One request to the gateway; resolves with the status, 0 when no response came. */
  async status(path: string, headers: Record<string, string> = {}): Promise<number> {
    const url = `http://127.0.0.1:${this.ports['http']}${path}`
    const response = await fetch(url, { headers }).catch(() => undefined)
    await response?.arrayBuffer()
    return response?.status ?? 0
  }

  /** Ctrl-C; resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode
    const exited = new Promise<number | null>((resolve) => this.process.once('exit', resolve))
    this.process.kill(signal)
    return exited
  }

  /** Stops it and removes its home. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.home, { recursive: true, force: true })
  }

  async #up(): Promise<void> {
    const { stdout, stderr } = this.process
    await new Promise<void>((resolve, reject) => {
      const collect = (chunk: Buffer) => {
        this.output += chunk
        if (this.output.includes('Sluice is up')) resolve()
      }
      stdout?.on('data', collect)
      stderr?.on('data', collect)
      this.process.once('exit', (code) => reject(new Error(`sluice up ended with ${code}:\n${this.output}`)))
    })
  }
}

/**
 * Ports that were free a moment ago, from below the range of which the system hands out (32768 on): on a machine under load any of those
 * may be some connection's by the time that the instance listens.
 */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = 20_000 + randomInt(12_000)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Polls until `check` gives a value. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const value = await check()
    if (value !== undefined) return value
    if (Date.now() > until) throw new Error(`${what}: not within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
