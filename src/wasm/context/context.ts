import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Entry } from '../../base/id-table.ts'
import { BUFFER, MAP, STATUS } from '../abi/constants.ts'
import type { AttributeValue } from '../attributes/value.ts'
import type { FilterState, ReadableState } from '../host.ts'
import type { PluginSettings } from '../plugin-config.ts'
import type { Vm } from '../vm.ts'
import type { RootContext } from './root-context.ts'

/** One context of a VM as the host functions see it: a plugin's root, or a stream. */
export abstract class Context implements Entry {
  // `declare`, because V8 makes a derived class by a slow way when the base has fields of its own (one is made for each stream).
  declare readonly id: number
  declare readonly vm: Vm
  declare readonly plugin: PluginSettings
  /** The neighbour in the same bucket of `Vm.contexts`. */
  declare nextInTable: Entry | undefined
  /** How many properties this context has made. */
  declare stateKeys: number

  constructor(id: number, vm: Vm, plugin: PluginSettings) {
    this.id = id
    this.vm = vm
    this.plugin = plugin
    this.nextInTable = undefined
    this.stateKeys = 0
  }

  abstract get root(): RootContext

  /** What asking for a value of a map that is not there says; only while a stream is logged is it NOT_FOUND (Envoy's access_log_phase_). */
  get mapAbsent(): number {
    return STATUS.badArgument
  }

  /** The map for reading, or undefined where it is not there at this time. */
  map(type: number): HeaderMap | undefined {
    const root = this.root
    switch (type) {
      case MAP.grpcInitialMetadata:
        return root.grpcInitialMetadata
      case MAP.grpcTrailingMetadata:
        return root.grpcTrailingMetadata
      case MAP.httpCallResponseHeaders:
        return root.calloutHeaders
      case MAP.httpCallResponseTrailers:
        return root.calloutTrailers
      default:
        return undefined
    }
  }

  /** The map for writing; what a callout brought is read-only. */
  writableMap(type: number): HeaderMap | undefined {
    return type <= MAP.responseTrailers ? this.map(type) : undefined
  }

  /** Bytes are read-only, a body may be changed. */
  buffer(type: number): BodyBuffer | Uint8Array | undefined {
    const root = this.root
    switch (type) {
      case BUFFER.vmConfiguration:
        return this.vm.options.vmConfiguration
      case BUFFER.pluginConfiguration:
        return this.plugin.configuration
      case BUFFER.httpCallResponseBody:
        return root.calloutBody
      case BUFFER.grpcCallMessage:
        return root.grpcMessage
      case BUFFER.foreignFunctionArguments:
        return root.foreignArguments
      default:
        return undefined
    }
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    return this.vm.services.attribute(group, name)
  }

  get filterState(): FilterState | undefined {
    return undefined
  }

  /** The same for reading, also where nothing can be written any more. */
  get readableState(): ReadableState | undefined {
    return this.filterState
  }

  /** After request headers were changed. */
  clearRouteCache(): void {}

  /** A status of the ABI. `stream` is the ABI's stream type. */
  abstract continueStream(stream: number): number
  abstract closeStream(stream: number): number
  abstract sendLocalReply(
    status: number,
    details: string,
    body: Uint8Array,
    headers: readonly string[],
    grpc: number | undefined,
  ): number
  /** proxy_done. */
  abstract finish(): number
  /** The VM died; the streams of it are told at once. */
  abstract vmFailed(): void
}
