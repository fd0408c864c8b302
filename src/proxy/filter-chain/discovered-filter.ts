import {
  type ExtensionConfigSource,
  ExtensionConfigSourceSchema,
} from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import { messageName, unpack } from '../config/any.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { ExtensionConfig, ExtensionUser, PreparedSwap } from '../worker/extension-store.ts'
import type { FilterConfig } from './factory.ts'
import { type ChainPlace, makeFilter } from './make-filter.ts'
import type { FilterRegistry } from './registry.ts'
import type { FilterSlot } from './slot.ts'

const FIELDS = ['config_source', 'default_config', 'apply_default_config_without_warming', 'type_urls']

/** A filter whose config comes by ECDS, under the filter's own name. */
export class DiscoveredFilter<F extends FilterConfig> implements ExtensionUser {
  readonly #slot: FilterSlot<F>
  readonly #source: ExtensionConfigSource
  readonly #known: FilterRegistry<F>
  readonly #chain: ChainPlace
  readonly #path: string

  constructor(
    slot: FilterSlot<F>,
    source: ExtensionConfigSource,
    known: FilterRegistry<F>,
    chain: ChainPlace,
    path: string,
  ) {
    checkSource(source, `${path}.config_discovery`)
    this.#slot = slot
    this.#source = source
    this.#known = known
    this.#chain = chain
    this.#path = path
  }

  /** Takes the config that is there; without one the default, and without that nothing yet. */
  async start(): Promise<void> {
    const { extensions } = this.#chain.context
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
    this.#chain.context.extensions.release(this.#slot.name, this)
  }

  async #make({ name, typedConfig, prepared, failure }: ExtensionConfig): Promise<F | undefined> {
    const where = `extension "${name}"`
    const { typeName, message } = unpack(typedConfig, where)
    const allowed = this.#source.typeUrls.map(messageName)
    // Of a TypedStruct its own type, or that of what is in it.
    if (!allowed.includes(typeName) && !allowed.includes(messageName(typedConfig.typeUrl)))
      throw invalid(where, `type ${typeName} is not among type_urls ${allowed.join(', ')}`)
    const factory = this.#known.find(typeName)
    if (factory === undefined || message === undefined) throw unsupported(this.#path, `${this.#known.kind} ${typeName}`)
    if (factory.terminal === true) throw invalid(this.#path, 'a terminal filter cannot be discovered')
    return makeFilter(factory, { name: this.#slot.name, message, prepared, failure }, this.#chain)
  }

  #default(): ExtensionConfig | undefined {
    const { defaultConfig } = this.#source
    if (defaultConfig === undefined) return undefined
    const prepared = this.#chain.prepared.get(defaultConfigPath(this.#path))
    return { name: this.#slot.name, typedConfig: defaultConfig, prepared, failure: undefined }
  }
}

/** Under which a discovered filter finds what was prepared for its default. */
export function defaultConfigPath(path: string): string {
  return `${path}.config_discovery.default_config`
}

function checkSource(source: ExtensionConfigSource, path: string): void {
  onlyFields(ExtensionConfigSourceSchema, source, FIELDS, path)
  const specifier = source.configSource?.configSourceSpecifier.case
  if (specifier !== 'ads')
    throw unsupported(`${path}.config_source`, `${specifier ?? 'a missing source'}; only ads is supported`)
  if (source.typeUrls.length === 0) throw invalid(`${path}.type_urls`, 'at least one type is needed')
  if (source.applyDefaultConfigWithoutWarming && source.defaultConfig === undefined)
    throw invalid(`${path}.apply_default_config_without_warming`, 'there is no default_config')
}
