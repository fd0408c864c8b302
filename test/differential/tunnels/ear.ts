import { setTimeout as sleep } from 'node:timers/promises'

const SHORT = 3

/** What one end of a tunnel hears of the other, and a wait for it. */
export class Ear {
  readonly #giveUp: number
  readonly #runs: { byte: string; count: number }[] = []
  #wake = () => {}
  head: readonly string[] | undefined
  length = 0
  ended = false
  closed = false
  /** How it closed, where that was no end in order. */
  failed = ''

  constructor(patienceMs: number) {
    this.#giveUp = Date.now() + patienceMs
  }

  /** The bytes with long runs of the same one by their length: what is lost, doubled or out of order shows. */
  get text(): string {
    return this.#runs.map(({ byte, count }) => (count > SHORT ? `<${count} ${byte}>` : byte.repeat(count))).join('')
  }

  met(head: readonly string[]): void {
    this.head = head
    this.#wake()
  }

  heard(bytes: Buffer): void {
    this.length += bytes.length
    for (const byte of bytes.toString('latin1')) {
      const last = this.#runs.at(-1)
      if (last?.byte === byte) last.count++
      else this.#runs.push({ byte, count: 1 })
    }
    this.#wake()
  }

  end(): void {
    this.ended = true
    this.#wake()
  }

  close(failed: string): void {
    this.closed = true
    this.failed ||= failed
    this.#wake()
  }

  async until(done: () => boolean): Promise<void> {
    while (!this.closed && !done() && Date.now() < this.#giveUp) {
      const waiting = new AbortController()
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      const late = sleep(this.#giveUp - Date.now(), undefined, { signal: waiting.signal }).catch(() => {})
      await Promise.race([woken, late])
      waiting.abort()
    }
  }
}
