import type { Answer } from './case.ts'
import type { Message } from './message.ts'

export interface Received {
  readonly host: string
  readonly message: Message
}

/** What upstreams answer, in the order in which they are asked; the last one repeats. What they get is added to `received`. */
export class Script {
  readonly #answers: readonly Answer[]
  readonly #received: Received[]
  /** Instead of their own names, those by turn. */
  readonly #names: Map<string, string> | undefined
  #answered = 0

  constructor(answers: readonly Answer[], received: Received[], inTurn = false) {
    this.#answers = answers
    this.#received = received
    this.#names = inTurn ? new Map() : undefined
  }

  reset(): void {
    this.#answered = 0
    this.#names?.clear()
  }

  next(host: string, message: Message): Answer {
    const names = this.#names
    if (names !== undefined && !names.has(host)) names.set(host, `by turn ${names.size}`)
    this.#received.push({ host: names?.get(host) ?? host, message })
    return this.#answers[Math.min(this.#answered++, this.#answers.length - 1)]
  }
}
