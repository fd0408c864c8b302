import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type ExtensionConfigSource,
  ExtensionConfigSourceSchema,
} from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import type { Filter as NetworkFilterProto } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import {
  type HttpFilter as HttpFilterProto,
  HttpFilterSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { messageName, unpack } from '../config/any.ts'
import { invalid, onlyFields, standingAt, unsupported } from '../config/fields.ts'
import type { ListenerFacts } from '../context.ts'
import { ISTIO_PASSIVE, ISTIO_STATS } from '../filters/istio.ts'
import { type DataPlaneContext, factoryContext } from '../worker/data-plane-context.ts'
import type { ExtensionConfig, ExtensionUser, PreparedSwap } from '../worker/extension-store.ts'
import type { HttpFilterConfig, HttpFilterFactory } from './filter.ts'
import { FilterSlot } from './filter-slot.ts'

export interface FilterChainPlace {
  readonly context: DataPlaneContext
  readonly listener: ListenerFacts
  readonly statPrefix: string
  readonly path: string
  /** Results of `prepare` for filters whose config stands in the listener itself, by path. */
  readonly prepared: ReadonlyMap<string, unknown>
}

export interface CompiledFilters {
  readonly slots: readonly FilterSlot[]
  /** `istio.stats` is in the chain. */
  readonly istioStats: boolean
  close(): void
}

/** Compiles a chain of HTTP filters; what was made is destroyed again when one of them cannot be. */
export async function compileHttpFilters(
  filters: readonly HttpFilterProto[],
  place: FilterChainPlace,
): Promise<CompiledFilters> {
  const slots: FilterSlot[] = []
  const followers: ExtensionSlot[] = []
  let istioStats = false
  const close = () => {
    for (const follower of followers) follower.close()
    for (const slot of slots) slot.close()
  }
  try {
    for (const [i, filter] of filters.entries()) {
      const path = `${place.path}.http_filters[${i}]`
      const last = i === filters.length - 1
      onlyFields(
        HttpFilterSchema,
        filter,
        ['name', 'typed_config', 'config_discovery', 'is_optional', 'disabled'],
        path,
      )
      const slot = new FilterSlot(filter.name, filter.disabled)
      if (filter.configType.case === 'configDiscovery') {
        if (last) throw invalid(path, 'a terminal filter cannot be discovered')
        const follower = new ExtensionSlot(slot, filter.configType.value, place, path)
        followers.push(follower)
        await follower.start()
      } else {
        const found = resolve(filter.configType.value, filter.isOptional, place, path)
        if (found === 'stats') istioStats = true
        if (typeof found === 'string') continue
        checkPlace(found.factory, filter.name, last, path)
        const prepared = place.prepared.get(path)
        const context = factoryContext(
          place.context,
          place.listener,
          filter.name,
          `http.${place.statPrefix}.`,
          prepared,
        )
        const { factory, message } = found
        if (!tryOut(place, factory))
          slot.replace(await standingAt(path, () => factory.create(message as never, context)))
      }
      slots.push(slot)
    }
    if (filters.length === 0) throw invalid(`${place.path}.http_filters`, 'a terminal filter (router) is missing')
  } catch (error) {
    close()
    throw error
  }
  return { slots, istioStats, close }
}

/** The main thread only checks: a filter that has something to prepare is made where it runs. */
function tryOut(place: FilterChainPlace, factory: HttpFilterFactory): boolean {
  return place.context.workerIndex === -1 && factory.prepare !== undefined
}

function resolve(
  any: Any | undefined,
  optional: boolean,
  place: FilterChainPlace,
  path: string,
): { factory: HttpFilterFactory; message: unknown } | 'stats' | 'passive' {
  const { typeName, message } = unpack(any, `${path}.typed_config`)
  if (typeName === ISTIO_STATS) return 'stats'
  if (ISTIO_PASSIVE.has(typeName)) return 'passive'
  const factory = place.context.httpFilters.find(typeName)
  if (factory !== undefined && message !== undefined) return { factory, message }
  if (optional) return 'passive'
  throw unsupported(path, `HTTP filter ${typeName}`)
}

function checkPlace(factory: HttpFilterFactory, name: string, last: boolean, path: string): void {
  if (factory.terminal === true && !last) throw invalid(path, `terminal filter ${name} must be the last filter`)
  if (factory.terminal !== true && last) throw invalid(path, `non-terminal filter ${name} is the last filter`)
}

/** The filters with `prepare` that stand in this chain, for the main thread. */
export function filtersToPrepare(
  filters: readonly HttpFilterProto[],
  find: (typeName: string) => HttpFilterFactory | undefined,
  chainPath: string,
): { path: string; factory: HttpFilterFactory; message: unknown }[] {
  const result: { path: string; factory: HttpFilterFactory; message: unknown }[] = []
  filters.forEach(({ configType }, i) => {
    const path = `${chainPath}.http_filters[${i}]`
    const { any, where } = toPrepare(configType, path)
    if (any === undefined) return
    const { typeName, message } = unpack(any, where === path ? `${path}.typed_config` : where)
    const factory = find(typeName)
    if (factory?.prepare !== undefined) result.push({ path: where, factory, message })
  })
  return result
}

/** The config that stands in the listener: the filter's, or the default of one that is discovered. */
export function toPrepare(
  { case: kind, value }: HttpFilterProto['configType'] | NetworkFilterProto['configType'],
  path: string,
): { any: Any | undefined; where: string } {
  if (kind === 'typedConfig') return { any: value, where: path }
  return { any: kind === 'configDiscovery' ? value.defaultConfig : undefined, where: defaultConfigPath(path) }
}

/** Under which a discovered filter finds what was prepared for its default. */
export function defaultConfigPath(path: string): string {
  return `${path}.config_discovery.default_config`
}

const DISCOVERY_FIELDS = ['config_source', 'default_config', 'apply_default_config_without_warming', 'type_urls']

export function checkDiscovery(source: ExtensionConfigSource, path: string): void {
  onlyFields(ExtensionConfigSourceSchema, source, DISCOVERY_FIELDS, path)
  const specifier = source.configSource?.configSourceSpecifier.case
  if (specifier !== 'ads')
    throw unsupported(`${path}.config_source`, `${specifier ?? 'a missing source'}; only ads is supported`)
  if (source.typeUrls.length === 0) throw invalid(`${path}.type_urls`, 'at least one type is needed')
}

/** A filter whose config comes by ECDS, under the filter's own name. */
class ExtensionSlot implements ExtensionUser {
  readonly #slot: FilterSlot
  readonly #source: ExtensionConfigSource
  readonly #place: FilterChainPlace
  readonly #path: string

  constructor(slot: FilterSlot, source: ExtensionConfigSource, place: FilterChainPlace, path: string) {
    checkDiscovery(source, `${path}.config_discovery`)
    this.#slot = slot
    this.#source = source
    this.#place = place
    this.#path = path
  }

  /** Takes the config that is there; without one the default, and without that nothing yet. */
  async start(): Promise<void> {
    const { extensions } = this.#place.context
    const config = extensions.get(this.#slot.name) ?? this.#default()
    if (config !== undefined) (await this.prepareExtension(config)).commit()
    extensions.use(this.#slot.name, this)
  }

  async prepareExtension(config: ExtensionConfig): Promise<PreparedSwap> {
    const made = await this.#make(config)
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

  async #make(config: ExtensionConfig): Promise<HttpFilterConfig | undefined> {
    const { typedConfig, prepared, failure } = config
    const allowed = this.#source.typeUrls.map(messageName)
    const outer = messageName(typedConfig.typeUrl)
    const { typeName, message } = unpack(typedConfig, `extension "${config.name}"`)
    if (!allowed.includes(typeName) && !allowed.includes(outer)) {
      throw invalid(`extension "${config.name}"`, `type ${typeName} is not among type_urls ${allowed.join(', ')}`)
    }
    const factory = this.#place.context.httpFilters.find(typeName)
    if (factory === undefined || message === undefined) throw unsupported(this.#path, `HTTP filter ${typeName}`)
    if (factory.terminal === true) throw invalid(this.#path, 'a terminal filter cannot be discovered')
    const { context, listener, statPrefix } = this.#place
    const filterContext = factoryContext(context, listener, this.#slot.name, `http.${statPrefix}.`, prepared)
    if (failure !== undefined) return factory.createFailed?.(message as never, failure, filterContext)
    if (tryOut(this.#place, factory)) return undefined
    return factory.create(message as never, filterContext)
  }

  #default(): ExtensionConfig | undefined {
    const { defaultConfig } = this.#source
    if (defaultConfig === undefined) return undefined
    const prepared = this.#place.prepared.get(defaultConfigPath(this.#path))
    return { name: this.#slot.name, typedConfig: defaultConfig, prepared, failure: undefined }
  }
}
