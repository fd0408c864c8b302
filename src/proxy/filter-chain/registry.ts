import type { FilterConfig, FilterFactory } from './factory.ts'

/** The known filter types of one kind, by the name of their config message. */
export class FilterRegistry<F extends FilterConfig> {
  /** `HTTP filter` or `network filter`, for messages. */
  readonly kind: string
  readonly #byType = new Map<string, FilterFactory<F>>()

  constructor(kind: string, factories: readonly FilterFactory<F>[]) {
    this.kind = kind
    for (const factory of factories) this.#byType.set(factory.configType.typeName, factory)
  }

  find(typeName: string): FilterFactory<F> | undefined {
    return this.#byType.get(typeName)
  }
}
