import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { messageOf } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'

const log = logger('pods')

const ROTATE_BYTES = 10 << 20
/** A line without an end is cut here, as container runtimes do. */
const MAX_LINE = 16 << 10

export type Stream = 'stdout' | 'stderr'

/**
 * What one run of a container wrote, in the format of the container runtime interface: time, stream, F (full) or P (partial
 * line), text. Written in the same turn in which it is read, so that a reader who follows sees each line once.
 */
export class ContainerLog {
  readonly path: string
  #fd: number
  #size: number
  readonly #partial: Record<Stream, string> = { stdout: '', stderr: '' }
  readonly #decoders: Record<Stream, StringDecoder> = {
    stdout: new StringDecoder('utf8'),
    stderr: new StringDecoder('utf8'),
  }
  readonly #followers = new Set<(line: string) => void>()
  readonly #onEnd = new Set<() => void>()
  #ended = false
  #failed = false

  constructor(path: string) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
    this.#fd = openSync(path, 'a', 0o600)
    this.#size = fstatSync(this.#fd).size
  }

  write(stream: Stream, chunk: Buffer): void {
    const lines = (this.#partial[stream] + this.#decoders[stream].write(chunk)).split('\n')
    let rest = lines.pop() ?? ''
    const time = new Date().toISOString()
    let text = ''
    for (const line of lines) text += this.#entry(`${time} ${stream} F ${line}`)
    while (rest.length > MAX_LINE) {
      text += this.#entry(`${time} ${stream} P ${rest.slice(0, MAX_LINE)}`)
      rest = rest.slice(MAX_LINE)
    }
    this.#partial[stream] = rest
    if (text !== '') this.#append(text)
  }

  /** The container ended: what came without a line feed is a line too. */
  end(): void {
    if (this.#ended) return
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream] !== '') this.write(stream, Buffer.from('\n'))
    }
    this.#ended = true
    closeSync(this.#fd)
    for (const done of this.#onEnd) done()
    this.#onEnd.clear()
  }

  /** Calls back with each line from now on, and once at the end. Returns a function that stops it. */
  follow(onLine: (line: string) => void, onEnd: () => void): () => void {
    if (this.#ended) {
      onEnd()
      return () => {}
    }
    this.#followers.add(onLine)
    this.#onEnd.add(onEnd)
    return () => {
      this.#followers.delete(onLine)
      this.#onEnd.delete(onEnd)
    }
  }

  #entry(line: string): string {
    for (const follower of this.#followers) follower(line)
    return `${line}\n`
  }

  #append(text: string): void {
    if (this.#ended) return
    try {
      this.#size += writeSync(this.#fd, text)
      if (this.#size < ROTATE_BYTES) return
      closeSync(this.#fd)
      renameSync(this.path, `${this.path}.1`)
      this.#fd = openSync(this.path, 'a', 0o600)
      this.#size = 0
    } catch (error) {
      // A full disk costs lines of the log, not the Pod.
      if (!this.#failed) log.warn({ path: this.path, error: messageOf(error) }, 'a container’s log cannot be written')
      this.#failed = true
    }
  }
}

/** Removes what is kept of one run. */
export function removeLog(path: string): void {
  for (const file of [`${path}.1`, path]) rmSync(file, { force: true })
}

/** All lines that are kept of one run, oldest first. */
export function readLog(path: string): string[] {
  const lines: string[] = []
  for (const file of [`${path}.1`, path]) {
    if (!existsSync(file)) continue
    const text = readFileSync(file, 'utf8')
    if (text !== '') lines.push(...text.slice(0, text.endsWith('\n') ? -1 : undefined).split('\n'))
  }
  return lines
}
