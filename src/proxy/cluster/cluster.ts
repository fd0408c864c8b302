import { performance } from 'node:perf_hooks'
import type { Cluster as ClusterProto } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { ClusterLoadAssignment } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { invalid } from '../config/fields.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import type { CountPlace } from '../process-count.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { LoadedCertificates } from '../tls/loaded-certificates.ts'
import type { SecretSource } from '../tls/secrets.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { ClusterCalls } from './cluster-calls.ts'
import { type ClusterConfig, clusterConfig } from './cluster-config.ts'
import { clusterStats } from './cluster-stats.ts'
import { DnsResolver } from './dns.ts'
import { type ClusterStats, EndpointHost } from './endpoint-host.ts'
import { type Assignment, compileAssignment, EDS_FLAGS, type Endpoint, noNames } from './endpoints.ts'
import type { Hash64 } from './hash64.ts'
import { HealthChecks } from './health/health-checks.ts'
import { HealthFlag } from './health-flag.ts'
import type { ClusterFacts } from './host.ts'
import { HostConnections } from './host-connections.ts'
import type { HostChooser } from './lb/host-set.ts'
import type { LoadBalancer } from './lb/load-balancer.ts'
import type { LocalZones } from './lb/local-zones.ts'
import { makeChooser } from './lb/make-chooser.ts'
import type { MetadataMatch } from './lb/metadata-match.ts'
import { countSubsets, NO_SUBSETS } from './lb/subset-balancer.ts'
import { OutlierDetector } from './outlier/outlier-detector.ts'

/** A cluster in one worker: its hosts, who of them is used, and what is under way to them. */
export class Cluster implements ClusterFacts {
  readonly config: ClusterConfig
  readonly name: string
  readonly statName: string
  readonly protocol: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly breaker: CircuitBreaker
  /** `cluster.<name>.` */
  readonly scope: StatsScope
  readonly stats: ClusterStats
  /** Of the proxy itself. */
  readonly calls = new ClusterCalls()
  readonly #connections: HostConnections
  readonly #outliers: OutlierDetector | undefined
  readonly checks: HealthChecks | undefined
  readonly #dns: DnsResolver | undefined
  #hosts: HostChooser
  #counted = NO_HOSTS
  #closed = false
  readonly #local: LocalZones | undefined
  /** Told when hosts or their health have changed. */
  changed: (() => void) | undefined
  #assignment: Assignment
  closed: (() => void) | undefined
  /** Endpoints are known: from the config, the first EDS answer, or the first look-up. */
  ready = false

  constructor(
    proto: ClusterProto,
    secrets: SecretSource,
    scope: StatsScope,
    internal = new InternalListeners(),
    local?: LocalZones,
    place?: CountPlace,
  ) {
    this.#local = local
    const config = clusterConfig(proto)
    const path = `cluster "${proto.name}"`
    this.config = config
    this.name = config.name
    this.statName = config.statName
    this.protocol = config.useDownstreamProtocol ? '' : config.http2 === undefined ? 'HTTP/1.1' : 'HTTP/2'
    this.metadata = config.metadata
    this.breaker = new CircuitBreaker(proto.circuitBreakers, path, place)
    this.scope = scope.scope(`cluster.${config.statName}.`)
    this.stats = clusterStats(this.scope)
    this.#connections = new HostConnections(proto, config, secrets, this.breaker, this.stats, this.scope, internal)
    if (proto.healthChecks.length > 0) {
      this.checks = new HealthChecks(proto.healthChecks, this, this.scope, path)
    }
    this.#assignment = compileAssignment(
      config.discovery === 'eds' ? undefined : proto.loadAssignment,
      `${path}.load_assignment`,
    )
    this.#hosts = this.#chooser([])
    checkAddresses(this.#assignment.endpoints, config.discovery, `${path}.load_assignment`)
    // From here on there are timers, so nothing may be refused any more.
    this.#outliers = proto.outlierDetection && new OutlierDetector(proto.outlierDetection, this, this.scope, path)
    if (config.discovery === 'static') this.#setEndpoints(this.#assignment.endpoints)
    else if (config.discovery !== 'eds') {
      const changed = (endpoints: readonly Endpoint[]) => this.#setEndpoints(endpoints)
      this.#dns = new DnsResolver(config.dns, config.discovery === 'logical_dns', this.#assignment.endpoints, changed)
    }
  }

  get hosts(): readonly EndpointHost[] {
    return this.#hosts.hosts
  }

  choose(hash: Hash64 | undefined, match?: MetadataMatch): EndpointHost | undefined {
    return this.#hosts.choose(hash, match)
  }

  /** Of its table of hashes, where it has one. */
  get lbGauges(): LoadBalancer['gauges'] {
    return this.#hosts.gauges
  }

  /** Requests may ask for endpoints by their metadata. */
  get hasSubsets(): boolean {
    return this.config.lb.subsets !== undefined
  }

  /** A request has its connection, and is under way from here on; one that waits is not (Envoy's attachStreamToClient). */
  requestBegun(host: EndpointHost): void {
    this.stats.requests.value++
    this.stats.activeRequests.value++
    host.requests++
    host.active++
  }

  requestOver(host: EndpointHost, highPriority = false): void {
    this.breaker.of(highPriority).requests.free()
    this.stats.activeRequests.value--
    host.active--
  }

  /** A new EDS answer. */
  updateEndpoints(proto: ClusterLoadAssignment): void {
    this.#assignment = compileAssignment(proto, `endpoints of "${this.name}"`)
    this.#setEndpoints(this.#assignment.endpoints)
  }

  /** A secret has changed: connections from now on are made with it, and all else stays. Throws when it cannot be used. */
  prepareRenewal(): () => void {
    const renew = this.#connections.prepareRenewal()
    return () => {
      renew()
      for (const host of this.hosts) this.#connections.reconnect(host)
    }
  }

  /** Health has changed. */
  rebuild(): void {
    this.#hosts.rebuild()
    this.#countHealth()
  }

  /** A host fails: its connections go, those in use after their request, as in Envoy (onHostHealthFailure). */
  hostFails(host: EndpointHost): void {
    this.#connections.reconnect(host)
  }

  /** An active health check has changed its mind about a host. */
  healthChanged(host: EndpointHost, before: number): void {
    const { FailedActiveCheck, PendingRemoval } = HealthFlag
    const fails = (host.healthFlags & FailedActiveCheck) !== 0
    if (fails && (host.healthFlags & PendingRemoval) !== 0) {
      this.#forget(host)
      this.#use(this.hosts.filter((one) => one !== host))
      return
    }
    if (fails && (before & FailedActiveCheck) === 0) this.hostFails(host)
    if (!fails && (before & FailedActiveCheck) !== 0) host.healthySince = performance.now()
    this.rebuild()
  }

  /** Of each of its TLS contexts. */
  get certificates(): LoadedCertificates[] {
    return this.#connections.certificates
  }

  get outliers(): OutlierDetector | undefined {
    return this.#outliers
  }

  close(): void {
    this.#dns?.close()
    this.checks?.close()
    this.#outliers?.close()
    for (const host of this.hosts) host.pool.drain()
    this.#count(NO_HOSTS)
    this.changed = undefined
    this.#closed = true
    this.closed?.()
  }

  #setEndpoints(endpoints: readonly Endpoint[]): void {
    const known = new Map(this.hosts.map((host) => [host.address, host]))
    const next: EndpointHost[] = []
    const seen = new Set<string>()
    let changed = false
    for (const endpoint of endpoints) {
      let host = new EndpointHost(endpoint, this)
      // The first of several equal addresses counts, as in Envoy.
      if (seen.has(host.address)) continue
      seen.add(host.address)
      const old = known.get(host.address)
      // With other health checks it is another host (Envoy, too).
      const other =
        old !== undefined && this.checks !== undefined && old.settings.healthChecked !== endpoint.healthChecked
      if (other) {
        this.#forget(old)
        changed = true
      }
      if (old === undefined || other) {
        this.#connections.connect(host)
        this.checks?.added(host)
      } else {
        host = old
        host.settings = endpoint
        if (!this.#connections.fit(host)) this.#connections.reconnect(host)
      }
      host.healthFlags = (host.healthFlags & ~(EDS_FLAGS | HealthFlag.PendingRemoval)) | endpoint.healthFlags
      next.push(host)
    }
    if (next.length !== known.size) changed = true
    for (const host of this.hosts) {
      if (seen.has(host.address)) continue
      changed = true
      if (this.#outlives(host)) {
        host.healthFlags |= HealthFlag.PendingRemoval
        next.push(host)
      } else this.#forget(host)
    }
    if (changed && this.config.closeOnHostChange)
      for (const host of next) if (known.has(host.address)) this.#connections.reconnect(host)
    this.#use(next)
    this.ready = true
  }

  /** Discovery is only eventually right: a host that it drops is kept while its health checks pass (Envoy, too). */
  #outlives(host: EndpointHost): boolean {
    if (this.checks === undefined || this.config.ignoreHealthOnRemoval) return false
    return (
      host.settings.healthChecked && (host.healthFlags & (HealthFlag.FailedActiveCheck | HealthFlag.Draining)) === 0
    )
  }

  #forget(host: EndpointHost): void {
    this.checks?.removed(host)
    this.#outliers?.removed(host)
    host.pool.drain()
  }

  #use(hosts: readonly EndpointHost[]): void {
    this.#hosts = this.#chooser(hosts)
    this.#countHealth()
  }

  #chooser(hosts: readonly EndpointHost[]): HostChooser {
    const { localityWeights, overprovisioning } = this.#assignment
    const { lb, panicThreshold } = this.config
    const local = this.#local
    return makeChooser(hosts, { lb, panicThreshold, localityWeights, overprovisioning, local }, this.stats)
  }

  #countHealth(): void {
    const counts = { ...NO_HOSTS, total: this.hosts.length, subsets: this.#hosts.subsets ?? NO_HOSTS.subsets }
    for (const host of this.hosts) {
      if (host.healthy) counts.healthy++
      if (host.degraded) counts.degraded++
      if (host.excluded) counts.excluded++
    }
    this.#count(counts)
    this.changed?.()
  }

  /** The gauges are shared with the cluster that this one is to replace, so each only adds and takes away its own. */
  #count(now: typeof NO_HOSTS): void {
    if (this.#closed) return
    const { stats } = this
    const before = this.#counted
    stats.total.value += now.total - before.total
    stats.healthy.value += now.healthy - before.healthy
    stats.degraded.value += now.degraded - before.degraded
    stats.excluded.value += now.excluded - before.excluded
    countSubsets(stats.subsets, before.subsets, now.subsets)
    this.#counted = now
  }
}

/** How many hosts and subsets a cluster adds to the gauges of its name. */
const NO_HOSTS = { total: 0, healthy: 0, degraded: 0, excluded: 0, subsets: NO_SUBSETS }

/** Only names can be looked up, and only addresses be used as they are. */
function checkAddresses(endpoints: readonly Endpoint[], discovery: ClusterConfig['discovery'], path: string): void {
  if (discovery === 'static') noNames(endpoints, path)
  else if (endpoints.some(({ internalListener }) => internalListener !== ''))
    throw invalid(path, 'an envoy_internal_address has no name to look up; use STATIC')
}
