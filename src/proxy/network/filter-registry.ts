import type { NetworkFilterFactory } from './filter.ts'

/** The known network filter types, by the name of their config message. */
export class NetworkFilterRegistry {
  readonly #byType = new Map<string, NetworkFilterFactory>()

  constructor(factories: readonly NetworkFilterFactory[]) {
    for (const factory of factories) this.#byType.set(factory.configType.typeName, factory)
  }

  find(typeName: string): NetworkFilterFactory | undefined {
    return this.#byType.get(typeName)
  }
}
