import { closeSync, openSync, write } from 'node:fs'
import { messageOf } from '../../errors.ts'
import { invalid } from '../config/fields.ts'
import type { StatsScope } from '../stats/scope.ts'

/**
 * A log that is written in batches off the request path. A person at a terminal should see a line at once, so batches are short;
 * what cannot be written fast enough is dropped and counted rather than kept for ever.
 */
export class LogFile {
  readonly #path: string
  readonly #stats: ReturnType<typeof fileStats>
  #fd: number
  /** Gathers lines; each is copied while it is young, so that its pieces need not outlive their request. */
  #chunk: Buffer = NOTHING
  #used = 0
  /** The memory of a chunk that was written. */
  #spare: Buffer | undefined
  /** Chunks that wait for the write under way, and their bytes. */
  readonly #full: Buffer[] = []
  #pending = 0
  #timer: NodeJS.Timeout | undefined
  #writing = false
  #reopen = false
  #users = 0

  constructor(path: string, scope: StatsScope) {
    this.#path = path
    this.#stats = fileStats(scope)
    try {
      // Opening /dev/stdout fails where it is a socket; its descriptor is there already.
      this.#fd = path === '/dev/stdout' ? 1 : path === '/dev/stderr' ? 2 : openSync(path, 'a')
    } catch (error) {
      throw invalid(path, `cannot be opened: ${messageOf(error)}`)
    }
  }

  open(): this {
    this.#users++
    return this
  }

  /** `line` is a byte string. */
  write(line: string): void {
    if (this.#used + line.length > this.#chunk.length && !this.#turn(line.length)) {
      this.#stats.dropped.value++
      return
    }
    this.#used += this.#chunk.latin1Write(line, this.#used)
    this.#stats.buffered.value++
    this.#stats.bytes.value += line.length
    this.#timer ??= setTimeout(() => this.#onTimer(), FLUSH_MS).unref()
  }

  /** Goes on in the file that now has the path: the one before was renamed (`/reopen_logs`). */
  reopen(): void {
    this.#reopen = true
    if (!this.#writing) this.#openAgain()
  }

  close(): void {
    if (--this.#users > 0) return
    logs.delete(this.#path)
    this.#flush()
    if (!this.#writing) this.#writeNext()
  }

  /** Makes room for a line; false when too much waits already, and after the end, when the descriptor may be somebody else's. */
  #turn(length: number): boolean {
    if (this.#pending > MAX_PENDING || this.#users === 0) return false
    this.#flush()
    const spare = length > CHUNK ? Buffer.allocUnsafeSlow(length) : this.#spare
    if (spare === this.#spare) this.#spare = undefined
    this.#chunk = spare ?? Buffer.allocUnsafeSlow(CHUNK)
    return true
  }

  #onTimer(): void {
    this.#stats.flushedByTimer.value++
    this.#flush()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#used === 0) return
    this.#full.push(this.#chunk.subarray(0, this.#used))
    this.#pending += this.#used
    this.#chunk = NOTHING
    this.#used = 0
    if (!this.#writing) this.#writeNext()
  }

  /** What has been gathered meanwhile waits for its chunk to be full or for its time, or there would be as many writes as turns. */
  #writeNext(): void {
    if (this.#reopen) this.#openAgain()
    const bytes = this.#full.shift()
    this.#writing = bytes !== undefined
    if (bytes !== undefined) this.#writeAll(bytes, 0)
    else if (this.#users === 0 && this.#fd > 2) closeSync(this.#fd)
  }

  /** Where it cannot be opened, the file that is open is better than none. */
  #openAgain(): void {
    this.#reopen = false
    if (this.#fd <= 2) return
    try {
      const fd = openSync(this.#path, 'a')
      closeSync(this.#fd)
      this.#fd = fd
    } catch {
      this.#stats.reopenFailed.value++
    }
  }

  #writeAll(bytes: Buffer, from: number): void {
    write(this.#fd, bytes, from, bytes.length - from, null, (error, written) => {
      // A full pipe of a slow reader: the same bytes again a little later.
      if (error !== null && error.code === 'EAGAIN') setTimeout(() => this.#writeAll(bytes, from), FLUSH_MS)
      else if (error === null && from + written < bytes.length) this.#writeAll(bytes, from + written)
      else {
        const { completed, failed } = this.#stats
        if (error === null) completed.value++
        else failed.value++
        this.#stats.bytes.value -= bytes.length
        this.#pending -= bytes.length
        if (bytes.buffer.byteLength === CHUNK) this.#spare = Buffer.from(bytes.buffer)
        this.#writeNext()
      }
    })
  }
}

const FLUSH_MS = 50
const CHUNK = 64 * 1024
const MAX_PENDING = 16 * 1024 * 1024
const NOTHING = Buffer.alloc(0)
const logs = new Map<string, LogFile>()

/** Envoy's counters of files; `write_dropped` is our own, since Envoy keeps all lines that wait. */
function fileStats(scope: StatsScope) {
  return {
    buffered: scope.counter('filesystem.write_buffered'),
    completed: scope.counter('filesystem.write_completed'),
    failed: scope.counter('filesystem.write_failed'),
    dropped: scope.counter('filesystem.write_dropped'),
    flushedByTimer: scope.counter('filesystem.flushed_by_timer'),
    reopenFailed: scope.counter('filesystem.reopen_failed'),
    bytes: scope.gauge('filesystem.write_total_buffered'),
  }
}

/** One writer per path and worker, however many loggers name it. */
export function openLog(path: string, scope: StatsScope): LogFile {
  let file = logs.get(path)
  if (file === undefined) {
    file = new LogFile(path, scope)
    logs.set(path, file)
  }
  return file.open()
}

/** For all logs of this worker. */
export function reopenLogs(): void {
  for (const log of logs.values()) log.reopen()
}
