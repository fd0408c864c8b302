import { type Wasm, WasmSchema } from '../../../../gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import {
  type AttributeValue,
  type ConnectionHost,
  type FilterState,
  type NetworkContext,
  PEER,
  type PluginFailure,
} from '../../../wasm/index.ts'
import { connectionAttribute, metadataAttribute } from '../../http/attributes.ts'
import type {
  CloseOrigin,
  FilterStatus,
  NetworkFilter,
  NetworkFilterCallbacks,
  NetworkFilterConfig,
  NetworkFilterFactory,
} from '../../network/filter.ts'
import { preparePlugin, startPlugin, stopPlugin } from './plugin.ts'

/** One connection's Wasm filter. */
class WasmConnection implements NetworkFilter, ConnectionHost {
  context!: NetworkContext
  readonly #callbacks: NetworkFilterCallbacks
  #failure: PluginFailure | undefined
  #downstream: BodyBuffer | undefined
  #upstream: BodyBuffer | undefined

  constructor(callbacks: NetworkFilterCallbacks) {
    this.#callbacks = callbacks
  }

  onNewConnection(): FilterStatus {
    return this.context.onNewConnection() as FilterStatus
  }

  onData(data: BodyBuffer, endStream: boolean): FilterStatus {
    this.#downstream = data
    return this.context.onDownstreamData(data.length, endStream) as FilterStatus
  }

  onWrite(data: BodyBuffer, endStream: boolean): FilterStatus {
    this.#upstream = data
    const status = this.context.onUpstreamData(data.length, endStream) as FilterStatus
    // Envoy takes the end of what the upstream sends for its close, and does not say whose it was.
    if (endStream) this.context.onUpstreamClose(PEER.unknown)
    return status
  }

  onClose(origin: CloseOrigin): void {
    const { context } = this
    if (origin === 'upstream') context.onUpstreamClose(PEER.unknown)
    context.onDownstreamClose(origin === 'downstream' ? PEER.remote : PEER.local)
    context.end()
  }

  get downstreamData(): BodyBuffer | undefined {
    return this.#downstream
  }

  get upstreamData(): BodyBuffer | undefined {
    return this.#upstream
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    if (group === 'filter_state') return this.#callbacks.filterState.get(name)
    if (group === 'upstream') {
      const { host, localAddress } = this.#callbacks.upstream
      if (name === 'address') return host === '' ? undefined : host
      return name === 'local_address' && localAddress !== '' ? localAddress : undefined
    }
    if (group === 'metadata') return metadataAttribute(this.#callbacks.dynamicMetadata, name)
    return connectionAttribute(this.#callbacks.connection, group, name)
  }

  get filterState(): FilterState {
    return this.#callbacks.filterState
  }

  continueDownstream(): void {
    this.#callbacks.continueReading()
  }

  /** Writes cannot be held back by a filter that stopped them. */
  continueUpstream(): void {}

  closeDownstream(): void {
    const failure = this.#failure
    const details = failure === undefined ? 'wasm_close_stream' : `wasm_fail_stream{${failure.plugin},${failure.cause}}`
    this.#callbacks.close(details.replace(/\s/g, '_'))
  }

  closeUpstream(): void {
    this.#callbacks.close('wasm_close_stream')
  }

  onPluginFailed(failure: PluginFailure): void {
    this.#failure = failure
    this.#callbacks.setDynamicMetadata('sluice.wasm', { failed_plugin: failure.plugin, cause: failure.cause })
  }
}

/** `envoy.filters.network.wasm`. */
export const wasmNetworkFilter: NetworkFilterFactory<typeof WasmSchema> = {
  name: 'envoy.filters.network.wasm',
  configType: WasmSchema,
  prepare: (config: Wasm) => preparePlugin(config.config, 'config'),
  create: (_config, context): NetworkFilterConfig => {
    const plugin = startPlugin(context)
    return {
      createFilter: (callbacks) => {
        const connection = new WasmConnection(callbacks)
        connection.context = plugin.createNetworkContext(connection)
        return connection
      },
      destroy: () => stopPlugin(plugin),
    }
  },
}
