/** `envoy.access_loggers.wasm`: a plugin that is told of each finished stream or connection. */
import type { WasmAccessLog } from '../../../../gen/envoy/extensions/access_loggers/wasm/v3/wasm_pb.ts'
import type { Plugin } from '../../../wasm/index.ts'
import type { FactoryContext } from '../../context.ts'
import { LoggedEntry } from '../../http/logged-entry.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import { preparePlugin, startPlugin, stopPlugin } from './plugin.ts'

/** On the main thread: reads and compiles the module. Rejects with what is wrong at `path`. */
export function prepareWasmAccessLog(config: WasmAccessLog, path: string): Promise<unknown> {
  return preparePlugin(config.config, `${path}.config`)
}

/** Starts the plugin; its `log` calls the module's proxy_on_log. */
export class WasmAccessLogger {
  readonly #plugin: Plugin
  /** One for all entries: a plugin sees an entry only while it is told of it. */
  readonly #entry = new LoggedEntry()

  constructor(context: FactoryContext) {
    this.#plugin = startPlugin(context)
  }

  log(info: StreamInfo): void {
    this.#entry.info = info
    this.#plugin.log(this.#entry)
    this.#entry.info = undefined
  }

  close(): void {
    stopPlugin(this.#plugin)
  }
}
