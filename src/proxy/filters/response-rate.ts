import { performance } from 'node:perf_hooks'
import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HttpFilterCallbacks } from '../http/filter.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'

/** How often a piece goes on (Envoy's StreamRateLimiter). */
const INTERVAL_MS = 50
/** Soon, but not from within the call that brings the data: a body that has ended cannot go on by half. */
const SOON_MS = 1

/** Lets a response's body go on no faster than so many bytes a second; a second's worth may gather in a pause. */
export class ResponseRate implements TimeoutOwner {
  readonly #callbacks: HttpFilterCallbacks
  readonly #bytesPerMs: number
  readonly #held = new BodyBuffer()
  readonly #timeout = new Timeout(this, 0)
  #allowed: number
  #filled = performance.now()
  #ended = false
  #trailers = false
  #paused = false

  constructor(callbacks: HttpFilterCallbacks, kibPerSecond: number) {
    this.#callbacks = callbacks
    this.#bytesPerMs = (kibPerSecond * 1024) / 1000
    this.#allowed = this.#bytesPerMs * INTERVAL_MS
  }

  write(data: BodyBuffer, endStream: boolean): void {
    this.#held.move(data)
    this.#ended = endStream
    if (!this.#timeout.armed) this.#timeout.arm(SOON_MS)
    if (this.#paused || this.#held.length <= this.#callbacks.encoderBufferLimit) return
    this.#paused = true
    this.#callbacks.pauseUpstream()
  }

  /** Whether trailers have to wait. */
  holdsTrailers(): boolean {
    this.#trailers = this.#held.length > 0
    if (!this.#trailers) this.#timeout.cancel()
    return this.#trailers
  }

  onTimeout(): void {
    const held = this.#held
    const now = performance.now()
    const rate = this.#bytesPerMs
    this.#allowed = Math.min(rate * 1000, this.#allowed + (now - this.#filled) * rate)
    this.#filled = now
    const size = Math.min(Math.floor(this.#allowed), held.length)
    this.#allowed -= size
    const piece = new BodyBuffer()
    if (size === held.length) piece.move(held)
    else {
      const part = Buffer.allocUnsafe(size)
      held.moveTo(part, 0, size)
      piece.add(part)
      this.#timeout.arm(INTERVAL_MS)
    }
    const done = held.length === 0
    if (this.#paused && held.length <= this.#callbacks.encoderBufferLimit / 2) {
      this.#paused = false
      this.#callbacks.resumeUpstream()
    }
    if (size > 0 || done) this.#callbacks.injectEncodedData(piece, done && this.#ended)
    if (done && this.#trailers) this.#callbacks.continueEncoding()
  }

  close(): void {
    this.#timeout.cancel()
  }
}
