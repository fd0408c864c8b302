/** The first pause, and the longest. */
export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
  /** Growth per try; 2 unless told. */
  readonly factor?: number
  /** 0 to 1: the part of each pause that is drawn by chance; 0.5 unless told. */
  readonly jitter?: number
  /** For tests. */
  readonly random?: () => number
}

/** Growing, jittered pauses between tries. All times in milliseconds. */
export class Backoff {
  #tries = 0
  readonly #options: BackoffOptions

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** The pause before the next try. */
  next(): number {
    const { initialMs, maxMs, factor = 2, jitter = 0.5, random = Math.random } = this.#options
    const pause = Math.min(maxMs, initialMs * factor ** this.#tries++)
    return pause * (1 - jitter + random() * jitter)
  }

  /** Call after a success: the next pause is the first again. */
  reset(): void {
    this.#tries = 0
  }
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
