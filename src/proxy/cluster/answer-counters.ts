import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'

/** `upstream_rq_completed`, `upstream_rq_2xx` and `upstream_rq_200` of one scope (Envoy's CodeStatsImpl::chargeBasicResponseStat). */
class StatusCounters {
  readonly #scope: StatsScope
  #completed: Cell | undefined
  readonly #classes: (Cell | undefined)[] = new Array(6).fill(undefined)
  /** By status, from 100. A host can make no more than 500 of them. */
  readonly #statuses: (Cell | undefined)[] = new Array(500).fill(undefined)

  constructor(scope: StatsScope) {
    this.#scope = scope
  }

  /** `status` is a whole number. */
  count(status: number): void {
    this.#completed ??= this.#scope.counter('upstream_rq_completed')
    this.#completed.value++
    const kind = status >= 100 && status < 600 ? Math.floor(status / 100) : 0
    let cell = this.#classes[kind]
    if (cell === undefined) {
      cell = this.#scope.counter(kind === 0 ? 'upstream_rq_unknown' : `upstream_rq_${kind}xx`)
      this.#classes[kind] = cell
    }
    cell.value++
    if (kind === 0) return
    cell = this.#statuses[status - 100]
    if (cell === undefined) {
      cell = this.#scope.counter(`upstream_rq_${status}`)
      this.#statuses[status - 100] = cell
    }
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
