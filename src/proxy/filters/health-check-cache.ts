import { SharedCells } from '../shared-cells.ts'

const NS_PER_MS = 1_000_000n
const STATUS = 0x3ffn
const DEGRADED = 1n << 10n
/** What is below the time. */
const BITS = 11n

/** What an upstream answered to its last health check. */
export interface CachedAnswer {
  readonly status: number
  readonly degraded: boolean
}

/**
 * The upstream's last answer to a health check, which all workers share as Envoy's do: one number, as it has to be read and
 * written at once.
 */
export class HealthCheckCache {
  readonly #cell: BigInt64Array
  readonly #lifeMs: bigint

  constructor(lifeMs: number, memory: SharedArrayBuffer | undefined) {
    this.#lifeMs = BigInt(Math.ceil(lifeMs))
    // There is room: it is the first of its memory.
    this.#cell = new SharedCells(memory).take() as BigInt64Array
  }

  put(status: number, degraded: boolean): void {
    const until = now() + this.#lifeMs
    Atomics.store(this.#cell, 0, (until << BITS) | (degraded ? DEGRADED : 0n) | BigInt(status))
  }

  /** While it is fresh. */
  get(): CachedAnswer | undefined {
    const value = Atomics.load(this.#cell, 0)
    if (value >> BITS <= now()) return undefined
    return { status: Number(value & STATUS), degraded: (value & DEGRADED) !== 0n }
  }
}

/** Not performance.now(), which begins at 0 in every thread. */
function now(): bigint {
  return process.hrtime.bigint() / NS_PER_MS
}
