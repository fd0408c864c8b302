import type { Answer } from './case.ts'
import type { Message } from './message.ts'

export interface Received {
  readonly host: string
  readonly message: Message
}

/** What upstreams answer, in the order in which they are asked; the last one repeats. What they get is added to `received`. */
export class Script {
  /** By the path that they are for; undefined: any other. */
  readonly #answers: ReadonlyMap<string | undefined, readonly Answer[]>
  readonly #received: Received[]
  /** Instead of their own names, those by turn. */
  readonly #names: Map<string, string> | undefined
  readonly #answered = new Map<string | undefined, number>()

  constructor(answers: readonly Answer[], received: Received[], inTurn = false) {
    this.#answers = Map.groupBy(answers, ({ path }) => path)
    this.#received = received
    this.#names = inTurn ? new Map() : undefined
  }

  reset(): void {
    this.#answered.clear()
    this.#names?.clear()
  }

  next(host: string, message: Message): Answer {
    const names = this.#names
    if (names !== undefined && !names.has(host)) names.set(host, `by turn ${names.size}`)
    this.#received.push({ host: names?.get(host) ?? host, message })
    const key = this.#keyOf(message.start)
    const answer = this.coming(message.start)
    this.#answered.set(key, (this.#answered.get(key) ?? 0) + 1)
    return answer
  }

  /** What the next request that begins so is answered. */
  coming(start: string): Answer {
    const key = this.#keyOf(start)
    const answers = this.#answers.get(key) ?? []
    return answers[Math.min(this.#answered.get(key) ?? 0, answers.length - 1)]
  }

  #keyOf(start: string): string | undefined {
    const path = start.split(' ')[1]
    return this.#answers.has(path) ? path : undefined
  }
}
