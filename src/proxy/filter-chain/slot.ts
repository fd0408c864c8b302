import type { FilterConfig } from './factory.ts'

/** A filter config with the count of streams or connections that use it: replaced while they run, it is destroyed after the last. */
export class LiveConfig<F extends FilterConfig> {
  readonly config: F
  #users = 0
  #retired = false

  constructor(config: F) {
    this.config = config
  }

  hold(): void {
    this.#users++
  }

  release(): void {
    if (--this.#users === 0 && this.#retired) this.config.destroy?.()
  }

  retire(): void {
    if (this.#retired) return
    this.#retired = true
    if (this.#users === 0) this.config.destroy?.()
  }
}

/** A place in a filter chain. A new config (ECDS) takes effect for the streams or connections that start after it. */
export class FilterSlot<F extends FilterConfig> {
  readonly name: string
  /** `disabled: true` of an HTTP chain: off unless a route turns it on. */
  readonly disabled: boolean
  current: LiveConfig<F> | undefined

  constructor(name: string, disabled = false) {
    this.name = name
    this.disabled = disabled
  }

  /** Puts a config in place of the present one, which ends with its last user. */
  replace(config: F): void {
    this.current?.retire()
    this.current = new LiveConfig(config)
  }

  close(): void {
    this.current?.retire()
    this.current = undefined
  }
}
