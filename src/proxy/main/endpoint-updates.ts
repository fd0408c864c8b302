import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import type { NamedResource, RejectedResource } from '../../xds/index.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import { type Delivered, decode, delivered, same } from './delivered.ts'
import type { FieldWatch } from './field-watch.ts'
import type { AskedUpdates } from './subscription.ts'

/** The endpoints that come by themselves (EDS), put into force in the workers. */
export class EndpointUpdates implements AskedUpdates {
  readonly all = new Map<string, Delivered<ClusterLoadAssignment>>()
  readonly #pool: Applier
  readonly #fields: FieldWatch

  constructor(pool: Applier, fields: FieldWatch) {
    this.#pool = pool
    this.#fields = fields
  }

  /** What brings a new worker to the present state. */
  ops(): ConfigOp[] {
    return [...this.all].map(([name, { proto }]) => ({
      kind: 'endpoints',
      name,
      bytes: toBinary(ClusterLoadAssignmentSchema, proto),
    }))
  }

  /** Those of all clusters in one batch, as they often change together; returns the refused ones. */
  async apply(resources: readonly NamedResource[]): Promise<RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const ops: (ConfigOp & { readonly kind: 'endpoints' })[] = []
    const found: Delivered<ClusterLoadAssignment>[] = []
    for (const { name, version, resource } of resources) {
      const proto = decode(ClusterLoadAssignmentSchema, resource)
      if (typeof proto === 'string') rejects.push({ name, reason: proto })
      else if (!same(this.all.get(name)?.proto, proto, ClusterLoadAssignmentSchema)) {
        this.#fields.look(ClusterLoadAssignmentSchema, proto, `endpoints of "${name}"`)
        ops.push({ kind: 'endpoints', name, bytes: resource.value })
        found.push(delivered(proto, version))
      }
    }
    const results = await this.#pool.apply(ops)
    results.forEach(({ error }, i) => {
      const { name } = ops[i]
      if (error === undefined) this.all.set(name, found[i])
      else rejects.push({ name, reason: error })
    })
    return rejects
  }

  /** As in Envoy: where there have been none, there are none now. */
  async absent(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.all.has(name))
    await this.apply(
      unknown.map((name) => {
        const none = create(ClusterLoadAssignmentSchema, { clusterName: name })
        return { name, version: '', resource: anyPack(ClusterLoadAssignmentSchema, none) }
      }),
    )
  }

  forget(name: string): void {
    // In front of whatever may come under this name later.
    if (this.all.delete(name)) void this.#pool.apply([{ kind: 'forget', what: 'endpoints', name }])
  }
}
