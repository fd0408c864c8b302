import type { Cell } from '../../telemetry/metrics.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'

/** What carries requests, and can be told to take no more of them and to close when it has none. */
export interface Mortal {
  expire(): void
}

/** `max_connection_duration`: how long a connection to a host is used, whatever it has to do. */
export class LongestLife implements TimeoutOwner {
  readonly #connection: Mortal
  readonly #reached: Cell
  readonly #timeout = new Timeout(this, 0)

  constructor(connection: Mortal, ms: number, reached: Cell) {
    this.#connection = connection
    this.#reached = reached
    this.#timeout.arm(ms)
  }

  onTimeout(): void {
    this.#reached.value++
    this.#connection.expire()
  }

  stop(): void {
    this.#timeout.cancel()
  }
}
