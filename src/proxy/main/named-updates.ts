import type { Any } from '@bufbuild/protobuf/wkt'
import type { NamedResource, RejectedResource } from '../../xds/index.ts'
import type { ForgetOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import type { AskedUpdates } from './subscription.ts'

/** Resources that listeners name (RDS, ECDS), each put into force in the workers by itself. */
export abstract class NamedUpdates<T> implements AskedUpdates {
  readonly all = new Map<string, T>()
  /** Those of which only what cannot be used has come. */
  readonly bad = new Set<string>()
  protected readonly pool: Applier
  readonly #what: ForgetOp['what']

  constructor(pool: Applier, what: ForgetOp['what']) {
    this.pool = pool
    this.#what = what
  }

  async apply(resources: readonly NamedResource[]): Promise<RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const { name, version, resource } of resources) {
      const reason = await this.put(name, resource, version)
      if (reason === undefined) this.bad.delete(name)
      else {
        rejects.push({ name, reason })
        if (!this.all.has(name)) this.bad.add(name)
      }
    }
    return rejects
  }

  forget(name: string): void {
    this.bad.delete(name)
    // In front of whatever may come under this name later.
    if (this.all.delete(name)) void this.pool.apply([{ kind: 'forget', what: this.#what, name }])
  }

  /** Adds one to `all` as soon as all workers have it. `undefined`, or why it is refused. */
  protected abstract put(name: string, resource: Any, version: string): Promise<string | undefined>
}
