import type { HttpFilterFactory } from './filter.ts'

/** The known HTTP filter types, by the name of their config message. */
export class HttpFilterRegistry {
  readonly #byType = new Map<string, HttpFilterFactory>()
  readonly #byRouteType = new Map<string, HttpFilterFactory>()

  constructor(factories: readonly HttpFilterFactory[]) {
    for (const factory of factories) {
      this.#byType.set(factory.configType.typeName, factory)
      if (factory.routeConfigType !== undefined) this.#byRouteType.set(factory.routeConfigType.typeName, factory)
    }
  }

  find(typeName: string): HttpFilterFactory | undefined {
    return this.#byType.get(typeName)
  }

  findByRouteConfig(typeName: string): HttpFilterFactory | undefined {
    return this.#byRouteType.get(typeName)
  }
}
