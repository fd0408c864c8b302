/** A response of the control plane that has yet to be answered. */
interface Pending {
  readonly names: Set<string>
  readonly rejections: string[]
  readonly timer: NodeJS.Timeout
}

/**
 * When the control plane's ECDS responses are answered: as soon as the proxy has answered what they brought, so that an ACK means
 * what it says; but never later than `holdMs`, so that one slow fetch does not look like a proxy that hangs.
 */
export class PendingAcks {
  readonly #pending = new Map<string, Pending>()
  readonly #holdMs: number
  readonly #answer: (nonce: string, rejection: string | undefined) => void

  constructor(holdMs: number, answer: (nonce: string, rejection: string | undefined) => void) {
    this.#holdMs = holdMs
    this.#answer = answer
  }

  /** A response came; `names` are those whose outcome is open. */
  add(nonce: string, names: Iterable<string>): void {
    const open = new Set(names)
    if (open.size === 0) {
      this.#answer(nonce, undefined)
      return
    }
    const timer = setTimeout(() => this.#finish(nonce), this.#holdMs)
    timer.unref()
    this.#pending.set(nonce, { names: open, rejections: [], timer })
  }

  /** The proxy refused a resource. Returns false when the response that brought it was answered before. */
  reject(name: string, reason: string): boolean {
    const found = [...this.#pending.values()].filter(({ names }) => names.has(name))
    for (const { rejections } of found) rejections.push(`${name}: ${reason}`)
    return found.length > 0
  }

  settle(name: string): void {
    for (const [nonce, { names }] of this.#pending) {
      names.delete(name)
      if (names.size === 0) this.#finish(nonce)
    }
  }

  /** The stream is over. */
  clear(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer)
    this.#pending.clear()
  }

  #finish(nonce: string): void {
    const pending = this.#pending.get(nonce)
    if (pending === undefined) return
    clearTimeout(pending.timer)
    this.#pending.delete(nonce)
    this.#answer(nonce, pending.rejections.length === 0 ? undefined : pending.rejections.join('\n'))
  }
}
