import type { ExtensionConfigSource } from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import { type Filter, FilterSchema } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { messageName, unpack } from '../config/any.ts'
import { invalid, onlyFields, standingAt, unsupported } from '../config/fields.ts'
import type { ListenerFacts } from '../context.ts'
import { ISTIO_PASSIVE, ISTIO_STATS } from '../filters/istio.ts'
import { checkDiscovery, defaultConfigPath, toPrepare } from '../http/compile-filters.ts'
import { type DataPlaneContext, factoryContext } from '../worker/data-plane-context.ts'
import type { ExtensionConfig, ExtensionUser, PreparedSwap } from '../worker/extension-store.ts'
import type { NetworkFilterConfig, NetworkFilterFactory } from './filter.ts'

/** A place in a network filter chain; connections keep the config that they began with. */
export class NetworkSlot {
  readonly name: string
  #connections = new Map<NetworkFilterConfig, number>()
  current: NetworkFilterConfig | undefined

  constructor(name: string) {
    this.name = name
  }

  hold(config: NetworkFilterConfig): void {
    this.#connections.set(config, (this.#connections.get(config) ?? 0) + 1)
  }

  release(config: NetworkFilterConfig): void {
    const left = (this.#connections.get(config) ?? 1) - 1
    if (left > 0) this.#connections.set(config, left)
    else {
      this.#connections.delete(config)
      if (config !== this.current) config.destroy?.()
    }
  }

  replace(config: NetworkFilterConfig | undefined): void {
    const old = this.current
    this.current = config
    if (old !== undefined && !this.#connections.has(old)) old.destroy?.()
  }
}

export interface NetworkPlace {
  readonly context: DataPlaneContext
  readonly listener: ListenerFacts
  readonly path: string
  readonly prepared: ReadonlyMap<string, unknown>
}

export interface CompiledNetworkFilters {
  readonly slots: readonly NetworkSlot[]
  close(): void
}

/** Compiles the filters of a chain that stand before a connection manager, or all of them with their terminal one. */
export async function compileNetworkFilters(
  filters: readonly Filter[],
  place: NetworkPlace,
  needsTerminal: boolean,
): Promise<CompiledNetworkFilters> {
  const slots: NetworkSlot[] = []
  const followers: NetworkExtension[] = []
  const close = () => {
    for (const follower of followers) follower.close()
    for (const slot of slots) slot.replace(undefined)
  }
  try {
    let terminal = false
    for (const [i, filter] of filters.entries()) {
      const path = `${place.path}.filters[${i}]`
      if (terminal) throw invalid(path, 'a filter after a terminal one')
      onlyFields(FilterSchema, filter, ['name', 'typed_config', 'config_discovery'], path)
      const slot = new NetworkSlot(filter.name)
      if (filter.configType.case === 'configDiscovery') {
        const follower = new NetworkExtension(slot, filter.configType.value, place, path)
        followers.push(follower)
        await follower.start()
      } else {
        const { typeName, message } = unpack(filter.configType.value, `${path}.typed_config`)
        if (ISTIO_PASSIVE.has(typeName) || typeName === ISTIO_STATS) continue
        const factory = place.context.networkFilters.find(typeName)
        if (factory === undefined || message === undefined) throw unsupported(path, `network filter ${typeName}`)
        terminal = factory.terminal === true
        const context = factoryContext(place.context, place.listener, filter.name, '', place.prepared.get(path))
        if (!tryOut(place, factory))
          slot.replace(await standingAt(path, () => factory.create(message as never, context)))
      }
      slots.push(slot)
    }
    if (needsTerminal && !terminal) throw invalid(`${place.path}.filters`, 'a terminal filter is missing')
  } catch (error) {
    close()
    throw error
  }
  return { slots, close }
}

export function networkFiltersToPrepare(
  filters: readonly Filter[],
  find: (typeName: string) => NetworkFilterFactory | undefined,
  chainPath: string,
): { path: string; factory: NetworkFilterFactory; message: unknown }[] {
  const result: { path: string; factory: NetworkFilterFactory; message: unknown }[] = []
  filters.forEach(({ configType }, i) => {
    const path = `${chainPath}.filters[${i}]`
    const { any, where } = toPrepare(configType, path)
    if (any === undefined) return
    const { typeName, message } = unpack(any, where === path ? `${path}.typed_config` : where)
    const factory = find(typeName)
    if (factory?.prepare !== undefined) result.push({ path: where, factory, message })
  })
  return result
}

function tryOut(place: NetworkPlace, factory: NetworkFilterFactory): boolean {
  return place.context.workerIndex === -1 && factory.prepare !== undefined
}

class NetworkExtension implements ExtensionUser {
  readonly #slot: NetworkSlot
  readonly #source: ExtensionConfigSource
  readonly #place: NetworkPlace
  readonly #path: string

  constructor(slot: NetworkSlot, source: ExtensionConfigSource, place: NetworkPlace, path: string) {
    checkDiscovery(source, `${path}.config_discovery`)
    this.#slot = slot
    this.#source = source
    this.#place = place
    this.#path = path
  }

  async start(): Promise<void> {
    const { extensions } = this.#place.context
    const { defaultConfig } = this.#source
    const fallback = defaultConfig && {
      name: this.#slot.name,
      typedConfig: defaultConfig,
      prepared: this.#place.prepared.get(defaultConfigPath(this.#path)),
      failure: undefined,
    }
    const config = extensions.get(this.#slot.name) ?? fallback
    if (config !== undefined) (await this.prepareExtension(config)).commit()
    extensions.use(this.#slot.name, this)
  }

  async prepareExtension(config: ExtensionConfig): Promise<PreparedSwap> {
    const where = `extension "${config.name}"`
    const { typeName, message } = unpack(config.typedConfig, where)
    const allowed = this.#source.typeUrls.map(messageName)
    if (!allowed.includes(typeName))
      throw invalid(where, `type ${typeName} is not among type_urls ${allowed.join(', ')}`)
    const factory = this.#place.context.networkFilters.find(typeName)
    if (factory === undefined || message === undefined) throw unsupported(where, `network filter ${typeName}`)
    const context = factoryContext(this.#place.context, this.#place.listener, this.#slot.name, '', config.prepared)
    let made: NetworkFilterConfig | undefined
    if (config.failure !== undefined) made = factory.createFailed?.(message as never, config.failure, context)
    else if (!tryOut(this.#place, factory)) made = await factory.create(message as never, context)
    return {
      commit: () => {
        if (made !== undefined) this.#slot.replace(made)
      },
      abort: () => made?.destroy?.(),
    }
  }

  close(): void {
    this.#place.context.extensions.release(this.#slot.name, this)
  }
}
