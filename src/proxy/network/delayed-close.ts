import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'

/** Envoy's default of `stream_idle_timeout`, for whoever turned that off: it is for streams, and here none is left. */
const SLOW_READER_MS = 300_000

/** How long a client may take to read the rest of an answer that is complete. */
export function slowReaderMs(streamIdleTimeoutMs: number): number {
  return streamIdleTimeoutMs === 0 ? SLOW_READER_MS : streamIdleTimeoutMs
}

/**
 * `delayed_close_timeout`: how long a socket whose side has ended waits for the client to read the rest and to close (RFC 9112 9.6). The
 * delay is for a client that has been sent all; until then it has the time of any slow reader.
 */
export class DelayedClose implements TimeoutOwner {
  readonly #socket: Socket
  readonly #delayMs: number
  /** When a client that reads too slowly is given up. */
  readonly #sentBy: number
  readonly #timeout = new Timeout(this, 0)

  constructor(socket: Socket, delayMs: number, slowReaderMs: number) {
    this.#socket = socket
    this.#delayMs = Math.max(1, delayMs)
    this.#sentBy = performance.now() + slowReaderMs
    this.#timeout.arm(this.#delayMs)
  }

  onTimeout(): void {
    if (!this.#socket.writableFinished && performance.now() < this.#sentBy) this.#timeout.arm(this.#delayMs)
    else this.#socket.destroy()
  }

  cancel(): void {
    this.#timeout.cancel()
  }
}
