import type { Stream } from './transport.ts'

/**
 * The receiving half that every transport needs: keeps what arrives before somebody listens, and closes once.
 * The transport gives the two outgoing actions and calls `deliver` and `ended`.
 */
export class StreamEnd<Send, Receive> implements Stream<Send, Receive> {
  readonly #write: (message: Send) => void
  readonly #shut: (error?: Error) => void
  #onMessage: ((message: Receive) => void) | undefined
  #onClose: ((error?: Error) => void) | undefined
  #early: Receive[] = []
  #closed = false
  #reason: Error | undefined

  constructor(write: (message: Send) => void, shut: (error?: Error) => void) {
    this.#write = write
    this.#shut = shut
  }

  get closed(): boolean {
    return this.#closed
  }

  send(message: Send): void {
    if (!this.#closed) this.#write(message)
  }

  onMessage(callback: (message: Receive) => void): void {
    this.#onMessage = callback
    while (this.#early.length > 0) callback(this.#early.shift() as Receive)
  }

  onClose(callback: (error?: Error) => void): void {
    this.#onClose = callback
    if (this.#closed) callback(this.#reason)
  }

  close(error?: Error): void {
    if (this.#closed) return
    this.ended(error)
    this.#shut(error)
  }

  /** The transport has a message for this end. */
  deliver(message: Receive): void {
    if (this.#closed) return
    if (this.#onMessage === undefined || this.#early.length > 0) this.#early.push(message)
    else this.#onMessage(message)
  }

  /** The transport, or the other end, is gone. */
  ended(error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#reason = error
    this.#early = []
    this.#onClose?.(error)
  }
}
