/** The programs of a benchmark: each on a core of its own, with the CPU time that it has used. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const running = new Set<ChildProcess>()

export function start([program, args]: readonly [string, readonly string[]], core: number | string): ChildProcess {
  const child = spawn('taskset', ['-c', String(core), program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SLUICE_LOG_LEVEL: 'error' },
  })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors = (errors + chunk).slice(-2000)
  })
  child.once('exit', (code) => {
    running.delete(child)
    if (code !== 0 && code !== null) console.error(`${program} ended with ${code}: ${errors}`)
  })
  running.add(child)
  return child
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

export async function stopAll(): Promise<void> {
  for (const child of running) await stop(child)
}

/** What a program prints, run to its end on a core. */
export async function output(core: number, program: string, args: readonly string[]): Promise<string> {
  const child = spawn('taskset', ['-c', String(core), program, ...args])
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  await new Promise((resolve) => child.once('close', resolve))
  return text
}

/** CPU seconds of the living threads of a process, by the scheduler's accounts in nanoseconds (proc(5), schedstat). */
export function cpuSeconds(pid: number): number {
  const tasks = `/proc/${pid}/task`
  const spent = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0])
  return spent.reduce((sum, ns) => sum + Number(ns), 0) / 1e9
}

export function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024
}

export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
