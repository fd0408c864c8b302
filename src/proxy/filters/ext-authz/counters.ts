import type { Cell } from '../../../telemetry/metrics.ts'
import { AnswerCounters } from '../../cluster/answer-counters.ts'
import type { FactoryContext } from '../../context.ts'
import type { StatsScope } from '../../stats/scope.ts'

/** The counters of `ext_authz`, for all requests and below `cluster.<name>.` for those that go there. */
export class Counters {
  readonly ok: Cell
  readonly denied: Cell
  readonly error: Cell
  readonly disabled: Cell
  readonly allowed: Cell
  /** Answers that cannot be heeded. */
  readonly invalid: Cell
  readonly #prefix: string
  readonly #clusters: FactoryContext['clusters']
  readonly #byScope = new WeakMap<StatsScope, ClusterCounters>()

  constructor(statPrefix: string, context: FactoryContext) {
    this.#prefix = `ext_authz.${statPrefix === '' ? '' : `${statPrefix}.`}`
    this.#clusters = context.clusters
    const scope = context.stats.scope(`${context.statPrefix}${this.#prefix}`)
    this.ok = scope.counter('ok')
    this.denied = scope.counter('denied')
    this.error = scope.counter('error')
    this.disabled = scope.counter('disabled')
    this.allowed = scope.counter('failure_mode_allowed')
    this.invalid = scope.counter('invalid')
  }

  /** `undefined`: there is no such cluster. */
  ofCluster(name: string): ClusterCounters | undefined {
    const all = this.#clusters.statsOf(name)
    if (all === undefined) return undefined
    let counters = this.#byScope.get(all)
    if (counters === undefined) {
      counters = new ClusterCounters(all, this.#prefix)
      this.#byScope.set(all, counters)
    }
    return counters
  }
}

/** Made as they are needed, as in Envoy: most clusters are told one outcome. */
class ClusterCounters {
  /** A refusal counts as an answer of the cluster. */
  readonly answers: AnswerCounters
  readonly #scope: StatsScope
  readonly #cells = new Map<string, Cell>()

  constructor(all: StatsScope, prefix: string) {
    this.answers = new AnswerCounters(all)
    this.#scope = all.scope(prefix)
  }

  count(name: 'ok' | 'denied' | 'error' | 'failure_mode_allowed' | 'invalid'): void {
    let cell = this.#cells.get(name)
    if (cell === undefined) {
      cell = this.#scope.counter(name)
      this.#cells.set(name, cell)
    }
    cell.value++
  }
}
