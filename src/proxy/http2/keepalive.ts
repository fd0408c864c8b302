import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'
import { FrameType } from './frame.ts'
import type { Http2Output } from './output.ts'

/** A connection, as far as it is kept alive. */
export interface KeptAlive {
  readonly output: Http2Output
  destroy(): void
}

const INTERVAL = 0
const ANSWER = 1

/** `connection_keepalive`: a PING now and then; a peer from which nothing comes afterwards is dead. */
export class Keepalive implements TimeoutOwner {
  readonly #connection: KeptAlive
  readonly #timeoutMs: number
  readonly #intervalMs: number
  readonly #interval = new Timeout(this, INTERVAL)
  readonly #answer = new Timeout(this, ANSWER)

  constructor(connection: KeptAlive, intervalMs: number, timeoutMs: number) {
    this.#connection = connection
    this.#intervalMs = intervalMs
    this.#timeoutMs = timeoutMs
    this.#interval.arm(intervalMs)
  }

  /** Something has come: the peer lives. As in Envoy the next interval begins with that. */
  heard(): void {
    if (!this.#answer.armed) return
    this.#answer.cancel()
    this.#interval.arm(this.#intervalMs)
  }

  stop(): void {
    this.#interval.cancel()
    this.#answer.cancel()
  }

  onTimeout(kind: number): void {
    if (kind === ANSWER) {
      this.stop()
      this.#connection.destroy()
      return
    }
    this.#connection.output.control(FrameType.Ping, 0, 0, 0, 0)
    this.#answer.arm(this.#timeoutMs)
  }
}
