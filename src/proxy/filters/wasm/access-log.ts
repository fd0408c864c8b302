/** `envoy.access_loggers.wasm`: a plugin that is told of each finished stream or connection. */
import type { WasmAccessLog } from '../../../../gen/envoy/extensions/access_loggers/wasm/v3/wasm_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import type { AttributeValue, LoggedStream, Plugin, ReadableState } from '../../../wasm/index.ts'
import type { FactoryContext } from '../../context.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import { streamAttribute } from './attributes.ts'
import { preparePlugin, startPlugin, stopPlugin } from './plugin.ts'

export function prepareWasmAccessLog(config: WasmAccessLog, path: string): Promise<unknown> {
  return preparePlugin(config.config, `${path}.config`)
}

/** Starts the plugin; its `log` calls the module's proxy_on_log. */
export class WasmAccessLogger {
  readonly #plugin: Plugin
  /** One for all entries: a plugin sees an entry only while it is told of it. */
  readonly #entry = new Entry()

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

class Entry implements LoggedStream, ReadableState {
  info: StreamInfo | undefined

  get requestHeaders(): HeaderMap | undefined {
    return this.info?.requestHeaders
  }

  get responseHeaders(): HeaderMap | undefined {
    return this.info?.responseHeaders
  }

  get responseTrailers(): HeaderMap | undefined {
    return this.info?.responseTrailers
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    return this.info && streamAttribute(this.info, group, name)
  }

  get filterState(): ReadableState {
    return this
  }

  /** ReadableState. */
  get(name: string): Uint8Array | undefined {
    return this.info?.filterState?.get(name)
  }
}
