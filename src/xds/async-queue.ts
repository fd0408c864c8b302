/** A queue that is pushed to on one side and iterated on the other, as connect's streaming calls want their messages. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = []
  #waiting: ((result: IteratorResult<T>) => void) | undefined
  #fail: ((error: Error) => void) | undefined
  #ended = false
  #error: Error | undefined

  push(item: T): void {
    if (this.#ended) return
    if (this.#waiting === undefined) this.#items.push(item)
    else this.#settle((resolve) => resolve({ value: item, done: false }))
  }

  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    if (this.#waiting === undefined) return
    if (error === undefined) this.#settle((resolve) => resolve({ value: undefined, done: true }))
    else this.#fail?.(error)
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        const item = this.#items.shift()
        if (item !== undefined) return Promise.resolve({ value: item, done: false })
        if (this.#error !== undefined) return Promise.reject(this.#error)
        if (this.#ended) return Promise.resolve({ value: undefined, done: true })
        return new Promise((resolve, reject) => {
          this.#waiting = resolve
          this.#fail = reject
        })
      },
      return: () => {
        this.end()
        return Promise.resolve({ value: undefined, done: true })
      },
      // connect refuses an iterator without it.
      throw: (error) => {
        this.end()
        return Promise.reject(error)
      },
    }
  }

  #settle(action: (resolve: (result: IteratorResult<T>) => void) => void): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#fail = undefined
    if (waiting !== undefined) action(waiting)
  }
}
