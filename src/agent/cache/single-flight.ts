/** Joins calls of the same key that overlap in time: one runs, all get its outcome. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>()

  get size(): number {
    return this.#flights.size
  }

  run(key: string, start: () => Promise<T>): Promise<T> {
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      flight = start().finally(() => this.#flights.delete(key))
      this.#flights.set(key, flight)
    }
    return flight
  }
}
