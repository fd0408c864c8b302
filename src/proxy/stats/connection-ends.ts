import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from './scope.ts'

/** `upstream_cx_destroy*`, `downstream_cx_destroy*`: connections that are over, also those that never came about. */
export class ConnectionEnds {
  readonly #all: Side
  readonly #local: Side
  readonly #remote: Side

  /** `suffix`: of those that ended in the middle of a request. */
  constructor(scope: StatsScope, name: string, suffix: string) {
    this.#all = side(scope, name, suffix)
    this.#local = side(scope, `${name}_local`, suffix)
    this.#remote = side(scope, `${name}_remote`, suffix)
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

function side(scope: StatsScope, name: string, suffix: string): Side {
  return { any: scope.counter(name), incomplete: scope.counter(`${name}${suffix}`) }
}
