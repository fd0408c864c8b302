import type { ListenerFacts } from '../context.ts'
import { type DataPlaneContext, factoryContext } from '../worker/data-plane-context.ts'
import type { FilterConfig, FilterFactory } from './factory.ts'

/** Where in a listener something is compiled, and what for. */
export interface ListenerPlace {
  readonly context: DataPlaneContext
  readonly listener: ListenerFacts
  /** In the configuration. */
  readonly path: string
  /** Results of `prepare` for what stands in the listener itself, by path. */
  readonly prepared: ReadonlyMap<string, unknown>
}

/** The same of a chain of filters. */
export interface ChainPlace extends ListenerPlace {
  /** `http.<stat_prefix>.` of the connection manager, or '' for the filters of connections. */
  readonly statPrefix: string
}

/** What is to be made of one filter's config. */
interface FilterOrder {
  /** The filter's name in its chain. */
  readonly name: string
  readonly message: unknown
  readonly prepared: unknown
  /** The config was refused, and there is none before it. */
  readonly failure?: string | undefined
}

/** The filter of a config; `undefined` where none is made, or none can be. */
export async function makeFilter<F extends FilterConfig>(
  factory: FilterFactory<F>,
  { name, message, prepared, failure }: FilterOrder,
  { context, listener, statPrefix }: ChainPlace,
): Promise<F | undefined> {
  const filterContext = factoryContext(context, listener, name, statPrefix, prepared)
  if (failure !== undefined) return factory.createFailed?.(message as never, failure, filterContext)
  // The main thread only checks: a filter that has something to prepare is made where it runs.
  if (context.workerIndex === -1 && factory.prepare !== undefined) return undefined
  return factory.create(message as never, filterContext)
}
