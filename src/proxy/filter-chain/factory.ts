import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { FactoryContext, PrepareContext } from '../context.ts'

/** A filter's configuration, compiled once per worker. */
export interface FilterConfig {
  /** Replaced or removed, and no stream or connection uses it any more. */
  destroy?(): void
}

/** A filter type, for HTTP or for connections, by Envoy's name and config message. */
export interface FilterFactory<F extends FilterConfig, C extends DescMessage = DescMessage> {
  readonly name: string
  readonly configType: C
  /** The last filter of a chain, which answers or forwards. */
  readonly terminal?: boolean
  /**
   * On the main thread, once per config: refuse what cannot work and make what is dear (compile a module). The result is cloned
   * to every worker as `FactoryContext.prepared`. Throwing refuses the config with the reason.
   */
  prepare?(config: MessageShape<C>, context: PrepareContext): Promise<unknown>
  /** In each worker. Throwing refuses the config with the reason; the last good one stays. */
  create(config: MessageShape<C>, context: FactoryContext): F | Promise<F>
  /** What serves when a config was refused and there is no last good one. Without it the listener waits for a good one. */
  createFailed?(config: MessageShape<C>, reason: string, context: FactoryContext): F
}
