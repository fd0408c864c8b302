import { type Wasm, WasmSchema } from '../../../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { FailurePolicy } from '../../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { messageOf } from '../../../errors.ts'
import type { Plugin } from '../../../wasm/index.ts'
import type { HttpFilterConfig, HttpFilterFactory } from '../../http/filter.ts'
import { type Phases, WasmHttpStream } from './http-stream.ts'
import { preparePlugin, startPlugin, stopPlugin } from './plugin.ts'

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
    requestMetadata: guest.proxy_on_request_metadata !== undefined,
    responseBody: guest.proxy_on_response_body !== undefined,
    responseTrailers: guest.proxy_on_response_trailers !== undefined,
    responseMetadata: guest.proxy_on_response_metadata !== undefined,
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
