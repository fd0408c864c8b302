import type { Cell } from '../../../telemetry/metrics.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { HealthFlag } from '../health-flag.ts'

/** How many hosts checks find healthy and degraded. */
export class HostCounts {
  readonly #healthy: Cell
  readonly #degraded: Cell

  /** `scope`: `cluster.<name>.health_check.`, or what a named check has below it. */
  constructor(scope: StatsScope) {
    this.#healthy = scope.gauge('healthy')
    this.#degraded = scope.gauge('degraded')
  }

  /** Flags of a host before and after; one that comes or goes counts as failed before or after. */
  change(before: number, after: number): void {
    const changed = before ^ after
    if ((changed & HealthFlag.FailedActiveCheck) !== 0)
      this.#healthy.value += (after & HealthFlag.FailedActiveCheck) === 0 ? 1 : -1
    if ((changed & HealthFlag.DegradedActiveCheck) !== 0)
      this.#degraded.value += (after & HealthFlag.DegradedActiveCheck) === 0 ? -1 : 1
  }
}

/** `cluster.<name>.health_check.*`, or `cluster.<name>.health_check.name.<check>.*` where the check has a name. */
export interface HealthStats {
  readonly attempt: Cell
  readonly success: Cell
  readonly failure: Cell
  readonly networkFailure: Cell
  readonly passiveFailure: Cell
  readonly hosts: HostCounts
}

/** The statistics of one check; `checkName` is '' where it has no name. */
export function healthStats(cluster: StatsScope, checkName: string): HealthStats {
  const scope = cluster.scope(checkName === '' ? 'health_check.' : `health_check.name.${checkName}.`)
  return {
    attempt: scope.counter('attempt'),
    success: scope.counter('success'),
    failure: scope.counter('failure'),
    networkFailure: scope.counter('network_failure'),
    passiveFailure: scope.counter('passive_failure'),
    hosts: new HostCounts(scope),
  }
}
