import { toBinary } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { sharedMemoryForCells } from '../shared-cells.ts'
import type { DataPlaneContext } from '../worker/data-plane-context.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import { attempt, type Delivered, decode, delivered, same } from './delivered.ts'
import type { FieldWatch } from './field-watch.ts'
import { NamedUpdates } from './named-updates.ts'

interface DeliveredRoutes extends Delivered<RouteConfiguration> {
  /** What all workers have of it, those too that begin later. */
  readonly memory: SharedArrayBuffer
}

/** The route configurations that listeners name (RDS), put into force in the workers. */
export class RouteUpdates extends NamedUpdates<DeliveredRoutes> {
  readonly #trial: DataPlaneContext
  readonly #fields: FieldWatch

  constructor(pool: Applier, trial: DataPlaneContext, fields: FieldWatch) {
    super(pool, 'routes')
    this.#trial = trial
    this.#fields = fields
  }

  /** What brings a new worker to the present state. */
  ops(): ConfigOp[] {
    return [...this.all].map(([name, { proto, memory }]) => ({
      kind: 'routes',
      name,
      bytes: toBinary(RouteConfigurationSchema, proto),
      memory,
    }))
  }

  protected async put(name: string, resource: Any, version: string): Promise<string | undefined> {
    const proto = decode(RouteConfigurationSchema, resource)
    if (typeof proto === 'string') return proto
    if (same(this.all.get(name)?.proto, proto, RouteConfigurationSchema)) return undefined
    this.#fields.look(RouteConfigurationSchema, proto, `route_config "${name}"`)
    const memory = sharedMemoryForCells()
    // The workers are not told which clusters there are to be (`validate_clusters`).
    const unfit = attempt(() => void this.#trial.routes.prepare(proto, memory))
    if (unfit !== undefined) return unfit
    const [{ error }] = await this.pool.apply([{ kind: 'routes', name, bytes: resource.value, memory }])
    if (error === undefined) this.all.set(name, { ...delivered(proto, version), memory })
    return error
  }
}
