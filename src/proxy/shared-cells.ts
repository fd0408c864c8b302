/** Room for 128 Ki numbers; memory is taken for those that are used. */
const MAX_BYTES = 1 << 20
/** How much it grows by at once. */
const STEP_BYTES = 4096

/** Memory in which all workers find the same numbers, made on the main thread with what they are delivered. */
export function sharedMemoryForCells(): SharedArrayBuffer {
  return new SharedArrayBuffer(0, { maxByteLength: MAX_BYTES })
}

/**
 * Hands out numbers of shared memory, 0 at first. Each worker compiles the same config in the same order, and so gets the same
 * number for the same place of it.
 */
export class SharedCells {
  readonly #memory: SharedArrayBuffer
  #used = 0

  /** Without memory nothing is shared: where a config is only tried out. */
  constructor(memory: SharedArrayBuffer = sharedMemoryForCells()) {
    this.#memory = memory
  }

  /** The next ones; `undefined` when there is no room for as many. */
  take(count = 1): BigInt64Array<SharedArrayBuffer> | undefined {
    const at = this.#used
    const end = at + count * BigInt64Array.BYTES_PER_ELEMENT
    if (end > MAX_BYTES) return undefined
    this.#used = end
    this.#growTo(Math.ceil(end / STEP_BYTES) * STEP_BYTES)
    return new BigInt64Array(this.#memory, at, count)
  }

  #growTo(bytes: number): void {
    if (this.#memory.byteLength >= bytes) return
    try {
      this.#memory.grow(bytes)
    } catch (error) {
      // Another worker may have been faster, and have gone further.
      if (this.#memory.byteLength < bytes) throw error
    }
  }
}
