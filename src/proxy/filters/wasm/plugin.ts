import type { PluginConfig as EnvoyPluginConfig } from '../../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { SluiceError } from '../../../errors.ts'
import { type CompiledModule, compileModule, Plugin, type PluginConfig } from '../../../wasm/index.ts'
import type { FactoryContext } from '../../context.ts'
import { vmStats } from './metrics.ts'
import { readPluginConfig } from './plugin-config.ts'
import { sharedMemory, threadVms, wasmServices } from './services.ts'
import { track, untrack } from './trace.ts'

/** What the main thread makes once and every worker gets. */
interface PreparedPlugin {
  readonly compiled: CompiledModule
  readonly plugin: PluginConfig
  readonly memory: SharedArrayBuffer
}

/** Reads and compiles; both on the main thread's side, the compiling on a thread of its own. */
export async function preparePlugin(config: EnvoyPluginConfig | undefined, path: string): Promise<PreparedPlugin> {
  const { plugin, bytes, limits } = readPluginConfig(config, path)
  try {
    return { compiled: await compileModule(bytes, limits), plugin, memory: sharedMemory() }
  } catch (error) {
    throw error instanceof SluiceError ? error.at(`${path}.vm_config.code`) : error
  }
}

/** Starts a plugin on this thread: of a filter, an access log or a service. */
export function startPlugin(context: FactoryContext): Plugin {
  const { compiled, plugin, memory } = context.prepared as PreparedPlugin
  // The trial run keeps to itself: nothing it does may be seen by the traffic (Envoy's canary).
  const vms = context.workerIndex < 0 ? undefined : threadVms
  threadVms.observer ??= vmStats(context.stats)
  const named = plugin.name === '' ? { ...plugin, name: context.filterName } : plugin
  const started = Plugin.start(compiled, named, wasmServices(context, memory), vms)
  if (context.workerIndex >= 0) track(started)
  return started
}

/** Its filter, log or service has gone. */
export function stopPlugin(plugin: Plugin): void {
  untrack(plugin)
  plugin.close()
}
