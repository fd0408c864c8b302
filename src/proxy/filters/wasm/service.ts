/** `envoy.bootstrap.wasm`: plugins that run without traffic, with timers, queues and callouts. */
import type { PluginConfig } from '../../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import type { Plugin } from '../../../wasm/index.ts'
import type { FactoryContext } from '../../context.ts'
import { preparePlugin, startPlugin } from './plugin.ts'

/** A service as the bootstrap has it. */
export interface ServiceConfig {
  readonly name: string
  /** Where it stands, for errors. */
  readonly path: string
  readonly config: PluginConfig | undefined
  /** One for the whole process, on a thread beside the data threads; else one on each data thread. */
  readonly singleton: boolean
}

/** On the main thread: reads and compiles the module. Rejects with what is wrong. */
export function prepareService({ config, path }: ServiceConfig): Promise<unknown> {
  return preparePlugin(config, `${path}.config`)
}

/** Runs from now on, and is started again when it fails, as its `failure_policy` says: no request would do that. */
export function startService(context: FactoryContext): Plugin {
  const plugin = startPlugin(context)
  plugin.supervise()
  return plugin
}
