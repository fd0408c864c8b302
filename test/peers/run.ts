import { execFile } from 'node:child_process'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Record<string, string>
  readonly timeoutMs: number
}

/** Runs a program to its end and gives what it printed; fails with the last lines of its errors, or when time runs out. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { cwd, env, timeoutMs } = options
  return new Promise((resolve, reject) => {
    const settings = { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: 64 << 20 }
    execFile(program, args, settings, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const late = error.killed === true ? ` (stopped after ${timeoutMs / 1000} s)` : ''
      const tail = stderr.trim().split('\n').slice(-20).join('\n')
      reject(new Error(`${program} ${args[0] ?? ''}${late}: ${tail === '' ? error.message : tail}`))
    })
  })
}
