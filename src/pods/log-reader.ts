import type { LogOptions } from '../apiserver/pod/runtime.ts'
import { type ContainerLog, readLog } from './kubelet/container-log.ts'

/** Sends what the options ask for to `write`, in pieces; resolves at the end, or when nobody reads on. */
export async function sendLog(
  path: string,
  live: ContainerLog | undefined,
  options: LogOptions,
  write: (text: string) => void,
): Promise<void> {
  const { tailLines, timestamps, signal } = options
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY
  const since = sinceOf(options)
  const send = (entry: string) => {
    if (left <= 0 || entry < since) return
    const text = textOf(entry, timestamps)
    const bytes = Buffer.byteLength(text)
    write(bytes <= left ? text : Buffer.from(text).subarray(0, left).toString('utf8'))
    left -= bytes
  }
  const entries = readLog(path)
  const first = tailLines === undefined ? 0 : startOfTail(entries, tailLines)
  for (const entry of entries.slice(first)) send(entry)
  if (!options.follow || live === undefined || left <= 0) return
  await new Promise<void>((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = () => {
      signal.removeEventListener('abort', done)
      stop()
      resolve()
    }
    // The end may be told before follow() returns.
    let stop = () => {}
    signal.addEventListener('abort', done)
    stop = live.follow((entry) => {
      send(entry)
      if (left <= 0) done()
    }, done)
  })
}

/** ISO times of one length compare as text. */
function sinceOf({ sinceSeconds, sinceTime }: LogOptions): string {
  if (sinceTime !== undefined) return new Date(sinceTime).toISOString()
  if (sinceSeconds !== undefined) return new Date(Date.now() - sinceSeconds * 1000).toISOString()
  return ''
}

/** Partial pieces belong to the line that they begin. */
function startOfTail(entries: readonly string[], lines: number): number {
  let index = entries.length
  for (let count = 0; index > 0; index--) {
    if (isFull(entries[index - 1]) && count++ === lines) break
  }
  return index
}

function isFull(entry: string): boolean {
  return entry.split(' ', 3)[2] === 'F'
}

function textOf(entry: string, timestamps: boolean): string {
  const time = entry.indexOf(' ')
  const tag = entry.indexOf(' ', time + 1)
  const start = tag + 3
  return `${timestamps ? `${entry.slice(0, time)} ` : ''}${entry.slice(start)}${entry[tag + 1] === 'F' ? '\n' : ''}`
}
