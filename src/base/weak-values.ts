/** Objects by name, for as long as somebody else holds them. */
export class WeakValues<T extends WeakKey> {
  readonly #all = new Map<string, WeakRef<T>>()
  readonly #forgotten = new FinalizationRegistry<string>((name) => {
    if (this.#all.get(name)?.deref() === undefined) this.#all.delete(name)
  })

  /** The one of this name, made where there is none. */
  get(name: string, make: () => T): T {
    const known = this.#all.get(name)?.deref()
    if (known !== undefined) return known
    const made = make()
    this.#all.set(name, new WeakRef(made))
    this.#forgotten.register(made, name)
    return made
  }

  *values(): Iterable<T> {
    for (const ref of this.#all.values()) {
      const value = ref.deref()
      if (value !== undefined) yield value
    }
  }
}
