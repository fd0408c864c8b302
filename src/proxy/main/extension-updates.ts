import type { Any } from '@bufbuild/protobuf/wkt'
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { messageOf } from '../../errors.ts'
import { messageName, unpack } from '../config/any.ts'
import type { PrepareContext } from '../context.ts'
import type { DataPlaneContext } from '../worker/data-plane-context.ts'
import type { ConfigOp, ExtensionOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import type { CountMemories } from './count-memories.ts'
import { decode, sameBytes } from './delivered.ts'
import type { FieldWatch } from './field-watch.ts'
import { NamedUpdates } from './named-updates.ts'

/** An extension config as the workers have it. */
export interface Extension {
  readonly op: ExtensionOp
  readonly version: string
  readonly updated: Date
}

/** The extension configs (ECDS), prepared here and put into force in the workers. */
export class ExtensionUpdates extends NamedUpdates<Extension> {
  readonly #trial: DataPlaneContext
  readonly #fields: FieldWatch
  readonly #prepareContext: Omit<PrepareContext, 'statPrefix'>
  readonly #types: (name: string) => readonly ReadonlySet<string>[]

  /** `types`: for each place that asks for a config, also of listeners that wait, of which types it may be. */
  constructor(
    pool: Applier,
    trial: DataPlaneContext,
    fields: FieldWatch,
    counts: CountMemories,
    types: (name: string) => readonly ReadonlySet<string>[],
  ) {
    super(pool, 'extension')
    this.#trial = trial
    this.#fields = fields
    this.#types = types
    const { node, log } = trial
    this.#prepareContext = { node, log, countMemory: (name) => counts.named(name) }
  }

  /** What brings a new worker to the present state. */
  ops(): ConfigOp[] {
    return [...this.all.values()].map(({ op }) => op)
  }

  /** A refused one may serve all the same, as its failure policy says. */
  protected async put(name: string, resource: Any, version: string): Promise<string | undefined> {
    const proto = decode(TypedExtensionConfigSchema, resource)
    if (typeof proto === 'string') return proto
    const { typedConfig } = proto
    if (typedConfig === undefined) return 'typed_config is missing'
    const known = this.all.get(name)
    const same =
      known !== undefined && known.op.typeUrl === typedConfig.typeUrl && sameBytes(known.op.bytes, typedConfig.value)
    // One that failed to start may start now: its module file may have come, its upstream may be up.
    if (same && known.op.failure === undefined) return undefined
    this.#fields.look(TypedExtensionConfigSchema, proto, `extension "${name}"`)
    const base = { kind: 'extension', name, typeUrl: typedConfig.typeUrl, bytes: typedConfig.value } as const
    let reason: string
    try {
      const { typeName, message } = unpack(typedConfig, `extension "${name}"`)
      const outer = messageName(typedConfig.typeUrl)
      // Of a TypedStruct its own type, or that of what is in it.
      const unfit = this.#types(name).find((types) => !types.has(typeName) && !types.has(outer))
      if (unfit !== undefined) return `type ${typeName} is not among type_urls ${[...unfit].join(', ')}`
      const { httpFilters, networkFilters } = this.#trial
      const factory = httpFilters.find(typeName) ?? networkFilters.find(typeName)
      if (factory === undefined || message === undefined) return `unknown filter type ${outer}`
      const prepared = await factory.prepare?.(message as never, { ...this.#prepareContext, statPrefix: name })
      const op: ExtensionOp = { ...base, prepared, failure: undefined }
      const [{ error }] = await this.pool.apply([op])
      if (error === undefined) {
        this.all.set(name, { op, version, updated: new Date() })
        return undefined
      }
      reason = error
      if (factory.createFailed === undefined) return reason
    } catch (error) {
      reason = messageOf(error)
    }
    if (known !== undefined && known.op.failure === undefined) return reason
    // There is no good one to keep: traffic gets what the config wants to happen in this case, not a closed port.
    const op: ExtensionOp = { ...base, prepared: undefined, failure: reason }
    const [{ error }] = await this.pool.apply([op])
    if (error === undefined) this.all.set(name, { op, version, updated: new Date() })
    return reason
  }
}
