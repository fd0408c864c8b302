import { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HttpStream } from '../../http/stream.ts'

/** The body of a request: what came before there was a connection, and what would have to be sent again. */
export class HeldBody {
  /** All of it, for retries; `undefined` once it is too much, or there will be none. */
  #kept: BodyBuffer | undefined
  /** What came before there was a connection, where nothing is kept for retries. */
  #early: BodyBuffer | undefined
  #paused = false

  constructor(keeps: boolean) {
    if (keeps) this.#kept = new BodyBuffer()
  }

  /** All of the body so far is at hand. */
  get whole(): boolean {
    return this.#kept !== undefined
  }

  /** False where this is more than may be kept: what was is only good for the first connection from here on. */
  keep(data: BodyBuffer, limit: number, connected: boolean): boolean {
    const kept = this.#kept
    if (kept === undefined) return true
    if (kept.length + data.length <= limit) {
      kept.share(data)
      return true
    }
    this.#kept = undefined
    if (!connected) this.#early = kept
    return false
  }

  /** Holds what nobody can be sent yet, and reads no more where that becomes much. */
  hold(data: BodyBuffer, stream: HttpStream): void {
    if (this.#kept !== undefined) return
    this.#early ??= new BodyBuffer()
    this.#early.move(data)
    if (this.#paused || this.#early.length <= stream.requestBufferLimit) return
    this.#paused = true
    stream.pauseDownstream()
  }

  /** What a new connection is sent of it. */
  take(): BodyBuffer | undefined {
    if (this.#kept === undefined) {
      const early = this.#early
      this.#early = undefined
      return early
    }
    const copy = new BodyBuffer()
    copy.share(this.#kept)
    return copy
  }

  resume(stream: HttpStream): void {
    if (!this.#paused) return
    this.#paused = false
    stream.resumeDownstream()
  }

  forget(): void {
    this.#kept = undefined
  }
}
