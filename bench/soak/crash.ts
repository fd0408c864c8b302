/** One data thread that was ended under load. */
export interface Crash {
  /** By the clock that all processes share. */
  readonly at: number
  readonly thread: number
  /** What it had at that moment; more may have waited to be accepted. */
  readonly connections: number
}

/** How a request looks whose connection is gone. */
const LOST = /^(?:no answer|\d+ cut)$/

/** So late may a client see that its connection has ended. */
const SEEN_MS = 1000

/** The thread of a connection, from the id that the proxy gave it (`seedConnectionIds`). */
export function threadOf(connectionId: string | undefined): number | undefined {
  return connectionId === undefined ? undefined : Math.floor(Number(connectionId) / 2 ** 40)
}

interface Loss {
  readonly at: number
  readonly what: string
  readonly thread: number | undefined
}

/** Requests without the end that their kind has: those that a crash explains, and all others. */
export class Losses {
  readonly #lost: Loss[] = []
  /** How many requests each crash has cost. */
  readonly cost: number[] = []
  readonly unexplained = new Map<string, number>()

  /** `thread`: whose the connection was; unknown before its first answer. */
  add(outcome: string, what: string, thread: number | undefined): void {
    if (LOST.test(outcome)) this.#lost.push({ at: Date.now(), what, thread })
    else this.#unexplained(what)
  }

  /** `crashes`: all that there were until now. A crash explains what is lost on connections of that thread alone. */
  attribute(crashes: readonly Crash[]): void {
    while (this.cost.length < crashes.length) this.cost.push(0)
    for (const { at, what, thread } of this.#lost.splice(0)) {
      const crash = crashes.findIndex((one) => at >= one.at && at < one.at + SEEN_MS)
      if (crash !== -1 && (thread === undefined || thread === crashes[crash].thread)) this.cost[crash]++
      else this.#unexplained(what)
    }
  }

  #unexplained(what: string): void {
    this.unexplained.set(what, (this.unexplained.get(what) ?? 0) + 1)
  }
}
