import type { Limits } from '../limits.ts'

/** What `declare_property` says of a name: its type, and that it is set once. By numbers of Envoy's message. */
export interface DeclaredProperty {
  readonly readonly: boolean
  readonly type: number
}

/** CEL expressions that a VM has made, by token. */
export class Expressions {
  readonly #limits: Limits
  readonly #byToken = new Map<number, () => unknown>()
  #next = 1

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** A token, or undefined when there are too many. */
  add(evaluate: () => unknown): number | undefined {
    if (this.#byToken.size >= this.#limits.expressions) return undefined
    const token = this.#next++
    this.#byToken.set(token, evaluate)
    return token
  }

  get(token: number): (() => unknown) | undefined {
    return this.#byToken.get(token)
  }

  delete(token: number): void {
    this.#byToken.delete(token)
  }
}
