import { Agent, get } from 'node:http'

const NOTHING = { status: 0, headers: {} }

/** What a {@link Load} has seen. */
export interface Tally {
  /** Responses by status; 0 counts requests that got none. */
  readonly statuses: Map<number, number>
  requests: number
}

type Headers = Readonly<Record<string, unknown>>

/**
 * Constant load on one path from a few keep-alive connections, each with one request under way. It tells the moment at which a
 * response is seen first that is waited for.
 */
export class Load {
  readonly tally: Tally = { statuses: new Map(), requests: 0 }
  readonly #url: string
  readonly #agent: Agent
  #stopping = false
  readonly #running: Promise<void>[]
  #waiting: { fits: (status: number, headers: Headers) => boolean; seen: (at: number) => void } | undefined

  constructor(url: string, connections: number) {
    this.#url = url
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#running = Array.from({ length: connections }, () => this.#run())
  }

  /** Resolves with `performance.now()` of the first response with this status from now on. */
  first(status: number): Promise<number> {
    return this.firstThat((one) => one === status)
  }

  /** The same for any response that fits; 0 is none, without headers. */
  firstThat(fits: (status: number, headers: Headers) => boolean): Promise<number> {
    return new Promise((seen) => {
      this.#waiting = { fits, seen }
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
      const { status, headers } = await this.#request()
      this.tally.requests++
      this.tally.statuses.set(status, (this.tally.statuses.get(status) ?? 0) + 1)
      if (this.#waiting?.fits(status, headers)) {
        this.#waiting.seen(performance.now())
        this.#waiting = undefined
      }
      // A response after which the server closes, or none at all, must not turn into a busy loop.
      if (status === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  #request(): Promise<{ status: number; headers: Headers }> {
    return new Promise((resolve) => {
      const request = get(this.#url, { agent: this.#agent, timeout: 5_000 }, (response) => {
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
        response.on('error', () => resolve(NOTHING))
        response.resume()
      })
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(NOTHING))
    })
  }
}
