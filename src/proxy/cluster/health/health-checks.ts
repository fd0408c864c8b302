import type { HealthCheck } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { invalid } from '../../config/fields.ts'
import type { StatsScope } from '../../stats/scope.ts'
import type { Cluster } from '../cluster.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { HealthFlag } from '../health-flag.ts'
import { type CheckOwner, HealthChecker } from './health-checker.ts'
import { HostCounts } from './health-stats.ts'

const MOST = 8
const ACTIVE =
  HealthFlag.FailedActiveCheck |
  HealthFlag.DegradedActiveCheck |
  HealthFlag.PendingActiveCheck |
  HealthFlag.ImmediateFail

/** The active health checks of a cluster: a host has to pass all of them (Envoy's MultiHealthChecker). */
export class HealthChecks implements CheckOwner {
  readonly scope: StatsScope
  readonly #cluster: Cluster
  readonly #checkers: readonly HealthChecker[]
  /** Of all checks together, where there are several. */
  readonly #counts: HostCounts | undefined

  constructor(checks: readonly HealthCheck[], cluster: Cluster, scope: StatsScope, path: string) {
    const where = `${path}.health_checks`
    if (checks.length > MOST) throw invalid(where, `no more than ${MOST} are possible`)
    if (checks.length > 1) checkNames(checks, where)
    this.#cluster = cluster
    this.scope = scope
    this.#checkers = checks.map((check, i) => new HealthChecker(check, this, `${where}[${i}]`))
    this.#counts = checks.length > 1 ? new HostCounts(scope.scope('health_check.')) : undefined
  }

  get clusterName(): string {
    return this.#cluster.name
  }

  get hasTraffic(): boolean {
    return this.#cluster.stats.connections.value > 0
  }

  added(host: EndpointHost): void {
    if (!host.settings.healthChecked) return
    // Nobody knows yet: no traffic before the first answer, unless all are so (panic).
    const { ignoreNewHosts } = this.#cluster.config
    const flags = HealthFlag.FailedActiveCheck | (ignoreNewHosts ? HealthFlag.PendingActiveCheck : 0)
    host.healthFlags |= flags
    for (const checker of this.#checkers) checker.added(host, flags)
  }

  removed(host: EndpointHost): void {
    let watched = false
    for (const checker of this.#checkers) watched = checker.removed(host)
    if (watched) this.#counts?.change(host.healthFlags, HealthFlag.FailedActiveCheck)
  }

  /** The host says in an answer that it fails (`x-envoy-immediate-health-check-fail`). */
  failedAtOnce(host: EndpointHost): void {
    for (const checker of this.#checkers) checker.failedAtOnce(host)
  }

  close(): void {
    for (const host of this.#cluster.hosts) this.removed(host)
  }

  onCheckResult(host: EndpointHost, healthy: boolean): void {
    let flags = 0
    for (const checker of this.#checkers) {
      const own = checker.flagsOf(host)
      // Nothing is decided before each check has had an answer.
      if (own === undefined) return
      flags |= own
    }
    const before = host.healthFlags
    host.healthFlags = (before & ~ACTIVE) | flags
    this.#counts?.change(before, host.healthFlags)
    if (host.healthFlags !== before) this.#cluster.healthChanged(host, before)
    // One check tells each good answer; of several only their verdict counts.
    const passed = this.#checkers.length === 1 ? healthy : (flags & HealthFlag.FailedActiveCheck) === 0
    if (passed) this.#cluster.outliers?.onHealthCheckPassed(host)
  }
}

/** Their statistics are told apart by their names. */
function checkNames(checks: readonly HealthCheck[], path: string): void {
  const names = new Set<string>()
  checks.forEach(({ name }, i) => {
    if (name === '') throw invalid(`${path}[${i}].name`, 'is missing; each of several health checks must have one')
    if (names.has(name)) throw invalid(`${path}[${i}].name`, `there is another health check «${name}»`)
    names.add(name)
  })
}
