import { Backoff } from '../base/backoff.ts'
import { messageOf } from '../errors.ts'
import { logger } from '../telemetry/log.ts'

const log = logger('pods')

interface Item {
  running: boolean
  again: boolean
  timer: NodeJS.Timeout | undefined
  readonly backoff: Backoff
}

/**
 * Reconciles keys one at a time each: a key that is added while it is being worked on is worked on once more after. A failure
 * is tried again with growing pauses; a `reconcile` that returns a number wants to be called again after so many milliseconds.
 */
export class WorkQueue {
  readonly #reconcile: (key: string) => Promise<number | undefined>
  readonly #items = new Map<string, Item>()
  #closed = false

  constructor(reconcile: (key: string) => Promise<number | undefined>) {
    this.#reconcile = reconcile
  }

  add(key: string): void {
    if (this.#closed) return
    let item = this.#items.get(key)
    if (item === undefined) {
      item = { running: false, again: false, timer: undefined, backoff: new Backoff({ initialMs: 20, maxMs: 10_000 }) }
      this.#items.set(key, item)
    }
    if (item.running) {
      item.again = true
      return
    }
    clearTimeout(item.timer)
    item.timer = undefined
    void this.#run(key, item)
  }

  close(): void {
    this.#closed = true
    for (const item of this.#items.values()) clearTimeout(item.timer)
    this.#items.clear()
  }

  async #run(key: string, item: Item): Promise<void> {
    item.running = true
    let pauseMs: number | undefined
    do {
      item.again = false
      // Several changes of one turn are one piece of work.
      await null
      try {
        pauseMs = await this.#reconcile(key)
        item.backoff.reset()
      } catch (error) {
        pauseMs = item.backoff.next()
        if (!this.#closed) log.warn({ key, pauseMs, error: messageOf(error) }, 'reconciling failed; trying again')
      }
    } while (item.again && !this.#closed)
    item.running = false
    if (this.#closed) return
    if (pauseMs === undefined) this.#items.delete(key)
    else item.timer = setTimeout(() => this.add(key), pauseMs)
  }
}
