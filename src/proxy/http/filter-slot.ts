import type { HttpFilterConfig } from './filter.ts'

/** A filter config with the count of streams that use it: replaced while they run, it is destroyed after the last. */
export class LiveConfig {
  readonly config: HttpFilterConfig
  #streams = 0
  #retired = false

  constructor(config: HttpFilterConfig) {
    this.config = config
  }

  hold(): void {
    this.#streams++
  }

  release(): void {
    if (--this.#streams === 0 && this.#retired) this.config.destroy?.()
  }

  retire(): void {
    if (this.#retired) return
    this.#retired = true
    if (this.#streams === 0) this.config.destroy?.()
  }
}

/** A place in a filter chain. A new config (ECDS) takes effect for the streams that start after it. */
export class FilterSlot {
  readonly name: string
  /** `disabled: true` of the chain: off unless a route turns it on. */
  readonly disabled: boolean
  current: LiveConfig | undefined

  constructor(name: string, disabled: boolean) {
    this.name = name
    this.disabled = disabled
  }

  /** Puts a config in place of the present one, which ends with its last stream. */
  replace(config: HttpFilterConfig): void {
    this.current?.retire()
    this.current = new LiveConfig(config)
  }

  close(): void {
    this.current?.retire()
    this.current = undefined
  }
}
