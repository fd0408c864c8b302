import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'

/** `upstream_rq_2xx`, and by the last two digits `upstream_rq_200`. */
interface StatusClass {
  readonly all: Cell
  readonly statuses: (Cell | undefined)[]
}

/**
 * `upstream_rq_completed`, `upstream_rq_2xx` and `upstream_rq_200` of one scope (Envoy's CodeStatsImpl::chargeBasicResponseStat). Made as
 * they come: most clusters know few classes, and there may be thousands of clusters.
 */
class StatusCounters {
  readonly #scope: StatsScope
  #completed: Cell | undefined
  readonly #classes: (StatusClass | undefined)[] = new Array(6).fill(undefined)

  constructor(scope: StatsScope) {
    this.#scope = scope
  }

  /** `status` is a whole number. */
  count(status: number): void {
    this.#completed ??= this.#scope.counter('upstream_rq_completed')
    this.#completed.value++
    const kind = status >= 100 && status < 600 ? Math.floor(status / 100) : 0
    let found = this.#classes[kind]
    if (found === undefined) {
      const all = this.#scope.counter(kind === 0 ? 'upstream_rq_unknown' : `upstream_rq_${kind}xx`)
      found = { all, statuses: kind === 0 ? [] : new Array(100).fill(undefined) }
      this.#classes[kind] = found
    }
    found.all.value++
    if (kind === 0) return
    const { statuses } = found
    const cell = statuses[status % 100] ?? this.#scope.counter(`upstream_rq_${status}`)
    statuses[status % 100] = cell
    cell.value++
  }
}

/** The answers to a cluster's requests, also those that the proxy gives for a host that gave none. */
export class AnswerCounters {
  readonly #all: StatusCounters
  readonly #internal: StatusCounters
  readonly #external: StatusCounters
  readonly #retried: StatusCounters

  constructor(scope: StatsScope) {
    this.#all = new StatusCounters(scope)
    this.#internal = new StatusCounters(scope.scope('internal.'))
    this.#external = new StatusCounters(scope.scope('external.'))
    this.#retried = new StatusCounters(scope.scope('retry.'))
  }

  /** What the client gets; `internal`: by `x-envoy-internal`. */
  given(status: number, internal: boolean): void {
    this.#all.count(status)
    if (internal) this.#internal.count(status)
    else this.#external.count(status)
  }

  /** Not given to anybody, as another try is made. */
  retried(status: number): void {
    this.#retried.count(status)
  }
}
