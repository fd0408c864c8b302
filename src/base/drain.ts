/**
 * One meaning of shutting down for everything that listens: stop accepting, let what is under way finish until the deadline,
 * then cut. Modelled on the trigger and watcher pair of ztunnel's drain.
 */
export class Drain {
  #controller = new AbortController()
  #held = 0
  #idle: (() => void) | undefined

  /** Aborts when draining starts. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get draining(): boolean {
    return this.#controller.signal.aborted
  }

  /** Holds the drain open while something is under way; call the returned function once when it is done. */
  hold(): () => void {
    this.#held++
    let released = false
    return () => {
      if (released) return
      released = true
      this.#held--
      if (this.#held === 0) this.#idle?.()
    }
  }

  /** Starts draining; resolves true when all is done, false when `deadlineMs` ran out first. */
  async start(deadlineMs: number): Promise<boolean> {
    this.#controller.abort()
    if (this.#held === 0) return true
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, deadlineMs, false)
    })
    const idle = new Promise<boolean>((resolve) => {
      this.#idle = () => resolve(true)
    })
    const done = await Promise.race([idle, late])
    clearTimeout(timer)
    return done
  }
}
