import { messageOf } from '../../errors.ts'
import type { ConfigOp, OpResult } from '../worker/protocol.ts'

/** Puts ops into force in all workers, or in none. */
export interface Applier {
  apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]>
}

/** A batch that cannot be applied at all (a port is taken) is a batch of refused ops. */
export class SafeApplier implements Applier {
  readonly #pool: Applier

  constructor(pool: Applier) {
    this.#pool = pool
  }

  async apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]> {
    try {
      return await this.#pool.apply(ops)
    } catch (error) {
      return ops.map(() => ({ error: messageOf(error) }))
    }
  }
}
