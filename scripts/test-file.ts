import { execFileSync } from 'node:child_process'
import { run } from 'node:test'
import type { TestEvent } from 'node:test/reporters'

/** In the environment of a test file's process and of all that it starts. */
const MARK = 'SLUICE_TEST_FILE'
const LINE = 160

export interface FileRun {
  readonly cwd: string
  /** Limit of each test. */
  readonly testMs: number
  /** Limit of the file; longer, so that the hanging test is told and may clean up. */
  readonly fileMs: number
  /** Environment of its process; this one's unless told. */
  readonly env?: NodeJS.ProcessEnv
  take(event: TestEvent): void
  /** What still ran after the limit, as `pid command`, and was killed. */
  stopped(processes: readonly string[]): void
}

/**
 * Runs one test file in a process of its own. node's runner stops no process: it waits until the last one that has the file's output open
 * is gone, whatever its `timeout`, so one that hangs, or an Envoy that a failed test left behind, would hold the whole run.
 */
export async function runFile(
  file: string,
  { cwd, testMs, fileMs, env = process.env, take, stopped }: FileRun,
): Promise<void> {
  const events = run({ files: [file], concurrency: 1, timeout: testMs, cwd, env: { ...env, [MARK]: file } })
  const late = setTimeout(() => stopped(killMarked(file)), fileMs)
  try {
    for await (const event of events) take(event)
  } finally {
    clearTimeout(late)
  }
}

/** By environment and not by parent: who outlives its parent is nobody's child. */
function killMarked(file: string): string[] {
  const mark = ` ${MARK}=${file} `
  const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 1 << 28 }).split(
    '\n',
  )
  const marked = lines.filter((line) => `${line} `.includes(mark))
  for (const line of marked) {
    try {
      process.kill(Number.parseInt(line, 10), 'SIGKILL')
    } catch {
      // It ended meanwhile.
    }
  }
  return marked.map((line) => line.trim().slice(0, LINE))
}
