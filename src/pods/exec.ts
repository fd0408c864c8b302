import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import type { ExecOptions } from '../apiserver/pod/runtime.ts'
import type { ProbeTarget } from './kubelet/probe.ts'
import { signalGroup } from './kubelet/process-table.ts'

const SCRIPT = '/usr/bin/script'

/**
 * Runs a command with the environment, the address and the working directory of a container. Resolves with its exit code
 * when it has ended and all of its output is with the caller; the streams given are not ended.
 */
export async function runExec(target: ProbeTarget, options: ExecOptions): Promise<number> {
  const { command, tty, stdin, stdout, stderr, signal } = options
  const terminal = tty && existsSync(SCRIPT)
  const [program, ...args] = terminal ? inTerminal(command) : command
  const child = spawn(program, args, {
    env: tty ? { TERM: 'xterm', ...target.env } : target.env,
    cwd: target.cwd,
    detached: true,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const kill = () => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
  }
  if (stdin !== undefined && child.stdin !== null) {
    // A command that ends without reading all of its input is no error.
    child.stdin.on('error', () => {})
    stdin.pipe(child.stdin)
  }
  if (stdout === undefined) child.stdout?.resume()
  else child.stdout?.pipe(stdout, { end: false })
  // A terminal has one output only.
  const errors = stderr ?? (tty ? stdout : undefined)
  if (errors === undefined) child.stderr?.resume()
  else child.stderr?.pipe(errors, { end: false })

  signal.addEventListener('abort', kill)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, by) => resolve(code ?? 128 + (by === null ? 0 : constants.signals[by])))
    })
  } finally {
    signal.removeEventListener('abort', kill)
    kill()
  }
}

/** util-linux's script(1) gives a program a terminal of its own; Node has none to give. Its size stays as it begins. */
function inTerminal(command: readonly string[]): string[] {
  const line = command.map((each) => `'${each.replaceAll("'", `'\\''`)}'`).join(' ')
  return [SCRIPT, '--quiet', '--flush', '--return', '--command', `exec ${line}`, '/dev/null']
}
