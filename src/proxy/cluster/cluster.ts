/** A cluster in one worker: its hosts, who of them is used, and what is under way to them. */
import { isIP } from 'node:net'
import type { Cluster as ClusterProto } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { ClusterLoadAssignment } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { invalid } from '../config/fields.ts'
import { DEFAULT_LIMITS } from '../http1/head.ts'
import { Http2Pool } from '../http2/pool.ts'
import { type Http2Stats, http2Stats } from '../http2/stats.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { SecretSource } from '../tls/secrets.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { type ClusterConfig, clusterConfig } from './cluster-config.ts'
import { clusterStats } from './cluster-stats.ts'
import { type ConnectionPool, Http1Pool, type PoolSettings } from './connection-pool.ts'
import { DnsResolver } from './dns.ts'
import { type ClusterStats, EndpointHost, Unhealthy } from './endpoint-host.ts'
import { type Assignment, compileAssignment, type Endpoint } from './endpoints.ts'
import type { Hash64 } from './hash64.ts'
import { HealthChecker } from './health-checker.ts'
import type { ClusterFacts } from './host.ts'
import { HostSet } from './host-set.ts'
import { OutlierDetector } from './outlier-detector.ts'
import { ProxiedPools } from './proxy-protocol.ts'
import { Transports } from './transport.ts'
import { TunnelPool } from './tunnel.ts'

export class Cluster implements ClusterFacts {
  readonly config: ClusterConfig
  readonly name: string
  readonly statName: string
  readonly protocol: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly breaker: CircuitBreaker
  readonly stats: ClusterStats
  readonly #http2: Http2Stats | undefined
  readonly #pool: Omit<PoolSettings, 'tls'>
  readonly #transports: Transports
  readonly #outliers: OutlierDetector | undefined
  readonly #checker: HealthChecker | undefined
  readonly #dns: DnsResolver | undefined
  #hosts: HostSet
  #assignment: Assignment
  /** Endpoints are known: from the config, the first EDS answer, or the first look-up. */
  ready = false

  constructor(proto: ClusterProto, secrets: SecretSource, scope: StatsScope) {
    const config = clusterConfig(proto)
    const path = `cluster "${proto.name}"`
    this.config = config
    this.name = config.name
    this.statName = config.statName
    this.protocol = config.http2 === undefined ? 'HTTP/1.1' : 'HTTP/2'
    this.metadata = config.metadata
    this.breaker = new CircuitBreaker(proto.circuitBreakers, path)
    this.stats = clusterStats(scope, config.statName)
    this.#http2 = config.http2 && http2Stats(scope.scope(`cluster.${config.statName}.http2.`))
    this.#pool = {
      connectTimeoutMs: config.connectTimeoutMs,
      idleTimeoutMs: config.idleTimeoutMs,
      maxRequestsPerConnection: config.maxRequestsPerConnection,
      limits: DEFAULT_LIMITS,
      breaker: this.breaker,
      stats: this.stats,
    }
    this.#transports = new Transports(proto, config.http2 !== undefined, secrets, path)
    this.#outliers = proto.outlierDetection && new OutlierDetector(proto.outlierDetection, this, path)
    this.#checker = proto.healthChecks.length === 0 ? undefined : new HealthChecker(proto.healthChecks, this, path)
    this.#assignment = compileAssignment(
      config.discovery === 'eds' ? undefined : proto.loadAssignment,
      `${path}.load_assignment`,
    )
    this.#hosts = this.#hostSet([])
    if (config.discovery === 'static') {
      for (const { ip } of this.#assignment.endpoints) {
        if (isIP(ip) === 0 && !ip.startsWith('/'))
          throw invalid(`${path}.load_assignment`, `${ip} is not an IP address; use STRICT_DNS`)
      }
      this.#setEndpoints(this.#assignment.endpoints)
    } else if (config.discovery !== 'eds') {
      this.#dns = new DnsResolver(config, this.#assignment.endpoints, (endpoints) => this.#setEndpoints(endpoints))
    }
  }

  get hosts(): readonly EndpointHost[] {
    return this.#hosts.hosts
  }

  choose(hash: Hash64 | undefined): EndpointHost | undefined {
    return this.#hosts.choose(hash)
  }

  /** A new EDS answer. */
  updateEndpoints(proto: ClusterLoadAssignment): void {
    this.#assignment = compileAssignment(proto, `endpoints of "${this.name}"`)
    this.#setEndpoints(this.#assignment.endpoints)
  }

  /** Health or weights have changed. */
  rebuild(): void {
    this.#hosts.rebuild()
  }

  get outliers(): OutlierDetector | undefined {
    return this.#outliers
  }

  close(): void {
    this.#dns?.close()
    this.#checker?.close()
    this.#outliers?.close()
    for (const host of this.hosts) host.pool.drain()
  }

  #setEndpoints(endpoints: readonly Endpoint[]): void {
    const known = new Map(this.hosts.map((host) => [host.address, host]))
    const next: EndpointHost[] = []
    const seen = new Set<string>()
    for (const endpoint of endpoints) {
      let host = new EndpointHost(endpoint, this)
      // The first of several equal addresses counts, as in Envoy.
      if (seen.has(host.address)) continue
      seen.add(host.address)
      const old = known.get(host.address)
      if (old === undefined) {
        this.#connect(host)
        this.#checker?.added(host)
      } else {
        host = old
        host.settings = endpoint
        if (this.#transports.of(host.metadata) !== host.transport) {
          host.pool.drain()
          this.#connect(host)
        }
      }
      host.unhealthy = endpoint.healthy ? host.unhealthy & ~Unhealthy.Eds : host.unhealthy | Unhealthy.Eds
      next.push(host)
    }
    for (const host of this.hosts) {
      if (seen.has(host.address)) continue
      this.#checker?.removed(host)
      host.pool.drain()
    }
    this.#hosts = this.#hostSet(next)
    this.ready = true
  }

  /** Gives a host its connections, of the kind that its metadata asks for. */
  #connect(host: EndpointHost): void {
    host.transport = this.#transports.of(host.metadata)
    host.pool = this.#newPool(host)
    const { tls, proxyHeader } = host.transport
    host.tunnels = new TunnelPool(host, { ...this.#pool, tls }, proxyHeader)
  }

  #newPool(host: EndpointHost): ConnectionPool {
    const { http2 } = this.config
    const { tls, proxyHeader } = host.transport
    const settings = { ...this.#pool, tls }
    const make = (settings: PoolSettings): ConnectionPool =>
      http2 === undefined
        ? new Http1Pool(host, settings)
        : new Http2Pool(host, settings, http2, this.#http2 as Http2Stats)
    if (proxyHeader === undefined) return make(settings)
    return new ProxiedPools(proxyHeader, (preamble) => make({ ...settings, preamble }))
  }

  #hostSet(hosts: readonly EndpointHost[]): HostSet {
    const { balancer, panicThreshold, localityWeighted } = this.config
    const weights = localityWeighted ? this.#assignment.localityWeights : undefined
    return new HostSet(hosts, balancer, panicThreshold, weights, this.stats)
  }
}
