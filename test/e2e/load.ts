import { Agent, get } from 'node:http'

/** What a {@link Load} has seen. */
export interface Tally {
  /** Responses by status; 0 counts requests that got none. */
  readonly statuses: Map<number, number>
  requests: number
}

/**
 * Constant load on one path from a few keep-alive connections, each with one request under way. It tells the moment at which a
 * status is seen first after {@link Load.mark}.
 */
export class Load {
  readonly tally: Tally = { statuses: new Map(), requests: 0 }
  readonly #url: string
  readonly #agent: Agent
  #stopping = false
  readonly #running: Promise<void>[]
  #waiting: { status: number; seen: (at: number) => void } | undefined

  constructor(url: string, connections: number) {
    this.#url = url
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#running = Array.from({ length: connections }, () => this.#run())
  }

  /** Resolves with `performance.now()` of the first response with this status from now on. */
  first(status: number): Promise<number> {
    return new Promise((seen) => {
      this.#waiting = { status, seen }
    })
  }

  async stop(): Promise<Tally> {
    this.#stopping = true
    await Promise.all(this.#running)
    this.#agent.destroy()
    return this.tally
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const status = await this.#request()
      this.tally.requests++
      this.tally.statuses.set(status, (this.tally.statuses.get(status) ?? 0) + 1)
      if (this.#waiting?.status === status) {
        this.#waiting.seen(performance.now())
        this.#waiting = undefined
      }
      // A response after which the server closes, or none at all, must not turn into a busy loop.
      if (status === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  #request(): Promise<number> {
    return new Promise((resolve) => {
      const request = get(this.#url, { agent: this.#agent, timeout: 5_000 }, (response) => {
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', () => resolve(0))
        response.resume()
      })
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(0))
    })
  }
}
