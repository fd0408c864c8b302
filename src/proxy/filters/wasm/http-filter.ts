import { type Wasm, WasmSchema } from '../../../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { FailurePolicy } from '../../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { messageOf } from '../../../errors.ts'
import { type CompiledModule, compileModule, Plugin, type PluginConfig } from '../../../wasm/index.ts'
import type { FactoryContext } from '../../context.ts'
import type { HttpFilterConfig, HttpFilterFactory } from '../../http/filter.ts'
import { type Phases, WasmHttpStream } from './http-stream.ts'
import { readPluginConfig } from './plugin-config.ts'
import { sharedMemory, threadVms, wasmServices } from './services.ts'
import { track, untrack } from './trace.ts'

/** What the main thread makes once and every worker gets. */
export interface PreparedPlugin {
  readonly compiled: CompiledModule
  readonly plugin: PluginConfig
  readonly memory: SharedArrayBuffer
}

/** Reads and compiles; both on the main thread's side, the compiling on a thread of its own. */
export async function preparePlugin(config: Wasm['config'], path: string): Promise<PreparedPlugin> {
  const { plugin, bytes, limits } = readPluginConfig(config, path)
  return { compiled: await compileModule(bytes, limits), plugin, memory: sharedMemory() }
}

/** Starts the plugin of a filter config on this thread. */
export function startPlugin(context: FactoryContext): Plugin {
  const { compiled, plugin, memory } = context.prepared as PreparedPlugin
  // The trial run keeps to itself: nothing it does may be seen by the traffic (Envoy's canary).
  const vms = context.workerIndex < 0 ? undefined : threadVms
  const named = plugin.name === '' ? { ...plugin, name: context.filterName } : plugin
  const started = Plugin.start(compiled, named, wasmServices(context, memory), vms)
  if (context.workerIndex >= 0) track(started)
  return started
}

export function stopPlugin(plugin: Plugin): void {
  untrack(plugin)
  plugin.close()
}

/** `envoy.filters.http.wasm`. */
export const wasmHttpFilter: HttpFilterFactory<typeof WasmSchema> = {
  name: 'envoy.filters.http.wasm',
  configType: WasmSchema,
  prepare: (config) => preparePlugin(config.config, 'config'),
  create: (_config, context) => httpFilterConfig(startPlugin(context)),
  createFailed: (config, reason) => (failsOpen(config) ? { createFilter: () => undefined } : refusing(config, reason)),
}

function httpFilterConfig(plugin: Plugin): HttpFilterConfig {
  const { guest } = plugin.vm
  const phases: Phases = {
    requestBody: guest.proxy_on_request_body !== undefined,
    requestTrailers: guest.proxy_on_request_trailers !== undefined,
    responseBody: guest.proxy_on_response_body !== undefined,
    responseTrailers: guest.proxy_on_response_trailers !== undefined,
  }
  return {
    extension: true,
    createFilter: (callbacks) => {
      // A dead plugin that fails open is not there at all.
      const stream = new WasmHttpStream(callbacks, phases)
      stream.context = plugin.createHttpContext(stream)
      return stream
    },
    destroy: () => stopPlugin(plugin),
  }
}

/** From the proto alone: the config as a whole may be what cannot be read. */
function failsOpen({ config }: Wasm): boolean {
  return config?.failOpen === true || config?.failurePolicy === FailurePolicy.FAIL_OPEN
}

/** Without a good config ever: every request is answered, as for a plugin that has failed. */
function refusing(config: Wasm, reason: string): HttpFilterConfig {
  const name = config.config?.name ?? ''
  const details = `wasm_fail_stream{${name},${messageOf(reason)}}`.replace(/\s/g, '_').slice(0, 256)
  return {
    createFilter: (callbacks) => ({
      decodeHeaders: () => {
        callbacks.sendLocalReply(503, '', { details, grpcStatus: 14 })
        return 4
      },
    }),
  }
}
