import { logger } from '../../telemetry/log.ts'

/**
 * Runs the loops after the write that woke them: writing inside an observer would show the observers after it a later event
 * first. Many wakings before its turn are one run. Nothing runs once the server is closing.
 */
export class Background {
  readonly #log = logger('apiserver')
  #stopped = false

  /** A function that wakes `work`. */
  waking(name: string, work: () => void): () => void {
    let due = false
    return () => {
      if (due || this.#stopped) return
      due = true
      setImmediate(() => {
        due = false
        if (this.#stopped) return
        try {
          work()
        } catch (error) {
          // A full disk must not end the process; the next event tries again.
          this.#log.error({ loop: name, error: (error as Error).stack }, 'a loop of the API server failed')
        }
      })
    }
  }

  stop(): void {
    this.#stopped = true
  }
}
