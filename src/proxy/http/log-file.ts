import { closeSync, openSync, write } from 'node:fs'
import { messageOf } from '../../errors.ts'
import { invalid } from '../config/fields.ts'

/**
 * A log that is written in batches off the request path. A person at a terminal should see a line at once, so batches are short;
 * what cannot be written fast enough is dropped and counted rather than kept for ever.
 */
export class LogFile {
  readonly #path: string
  readonly #fd: number
  #text = ''
  #timer: NodeJS.Timeout | undefined
  #writing = false
  #users = 0
  dropped = 0

  constructor(path: string) {
    this.#path = path
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
    if (this.#text.length > MAX_PENDING) {
      this.dropped++
      return
    }
    this.#text += line
    if (this.#text.length >= FLUSH_AT) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  close(): void {
    if (--this.#users > 0) return
    logs.delete(this.#path)
    this.#flush(() => {
      if (this.#fd > 2) closeSync(this.#fd)
    })
  }

  #flush(then?: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#writing || this.#text === '') {
      if (!this.#writing) then?.()
      else if (then !== undefined) setTimeout(() => this.#flush(then), FLUSH_MS)
      return
    }
    this.#writing = true
    const bytes = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    this.#writeAll(bytes, 0, then)
  }

  #writeAll(bytes: Buffer, from: number, then: (() => void) | undefined): void {
    write(this.#fd, bytes, from, bytes.length - from, null, (error, written) => {
      if (error === null && from + written < bytes.length) {
        this.#writeAll(bytes, from + written, then)
        return
      }
      // A full pipe of a slow reader: the same bytes again a little later.
      if (error !== null && error.code === 'EAGAIN') {
        setTimeout(() => this.#writeAll(bytes, from, then), FLUSH_MS)
        return
      }
      this.#writing = false
      if (this.#text !== '' || then !== undefined) this.#flush(then)
    })
  }
}

const FLUSH_MS = 50
const FLUSH_AT = 64 * 1024
const MAX_PENDING = 16 * 1024 * 1024
const logs = new Map<string, LogFile>()

/** One writer per path and worker, however many loggers name it. */
export function openLog(path: string): LogFile {
  let file = logs.get(path)
  if (file === undefined) {
    file = new LogFile(path)
    logs.set(path, file)
  }
  return file.open()
}
