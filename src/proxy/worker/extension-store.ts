import type { Any } from '@bufbuild/protobuf/wkt'

/** One extension config as ECDS delivered it, or the default of its chain. */
export interface ExtensionConfig {
  readonly name: string
  readonly typedConfig: Any
  /** What the factory's `prepare` made of it on the main thread. */
  readonly prepared: unknown
  /** The config was refused and there is none before it: what serves is what `createFailed` makes. */
  readonly failure: string | undefined
}

/** A filter's place in some listener that follows an extension config. */
export interface ExtensionUser {
  /** Makes the filter anew; the result puts it into force. */
  prepareExtension(config: ExtensionConfig): Promise<PreparedSwap>
}

/** A change that is ready: exactly one of the two is called. */
export interface PreparedSwap {
  commit(): void
  abort(): void
}

/** The extension configs of one worker and who uses them. */
export class ExtensionStore {
  readonly #configs = new Map<string, ExtensionConfig>()
  readonly #users = new Map<string, Set<ExtensionUser>>()

  get(name: string): ExtensionConfig | undefined {
    return this.#configs.get(name)
  }

  set(config: ExtensionConfig): void {
    this.#configs.set(config.name, config)
  }

  delete(name: string): void {
    this.#configs.delete(name)
  }

  use(name: string, user: ExtensionUser): void {
    const users = this.#users.get(name) ?? new Set()
    users.add(user)
    this.#users.set(name, users)
  }

  release(name: string, user: ExtensionUser): void {
    const users = this.#users.get(name)
    users?.delete(user)
    if (users?.size === 0) this.#users.delete(name)
  }

  users(name: string): readonly ExtensionUser[] {
    return [...(this.#users.get(name) ?? [])]
  }
}
