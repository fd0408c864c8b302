import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'

/** `upstream_cx_destroy*`: connections of a cluster that are over, also those that never came about. */
export class ConnectionEnds {
  readonly #all: Side
  readonly #local: Side
  readonly #remote: Side

  constructor(scope: StatsScope) {
    this.#all = side(scope, '')
    this.#local = side(scope, '_local')
    this.#remote = side(scope, '_remote')
  }

  /** `byPeer`: else we ended it; `incomplete`: in the middle of a request. */
  count(byPeer: boolean, incomplete: boolean): void {
    const who = byPeer ? this.#remote : this.#local
    this.#all.any.value++
    who.any.value++
    if (!incomplete) return
    this.#all.incomplete.value++
    who.incomplete.value++
  }
}

interface Side {
  readonly any: Cell
  readonly incomplete: Cell
}

function side(scope: StatsScope, name: string): Side {
  const any = `upstream_cx_destroy${name}`
  return { any: scope.counter(any), incomplete: scope.counter(`${any}_with_active_rq`) }
}
