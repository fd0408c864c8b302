import { FilterRegistry } from '../filter-chain/registry.ts'
import type { HttpFilterConfig, HttpFilterFactory } from './filter.ts'

/** The known HTTP filter types, also by the message of their `typed_per_filter_config`. */
export class HttpFilterRegistry extends FilterRegistry<HttpFilterConfig> {
  readonly #byRouteType = new Map<string, HttpFilterFactory>()

  constructor(factories: readonly HttpFilterFactory[]) {
    super('HTTP filter', factories)
    for (const factory of factories)
      if (factory.routeConfigType !== undefined) this.#byRouteType.set(factory.routeConfigType.typeName, factory)
  }

  findByRouteConfig(typeName: string): HttpFilterFactory | undefined {
    return this.#byRouteType.get(typeName)
  }
}
