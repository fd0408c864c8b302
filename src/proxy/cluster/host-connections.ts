import type { Cluster as ClusterProto } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { DEFAULT_LIMITS } from '../http1/head.ts'
import { Http1Pool } from '../http1/pool.ts'
import { Http2Pool } from '../http2/pool.ts'
import { type Http2Stats, http2Stats } from '../http2/stats.ts'
import type { InternalListeners } from '../network/internal-listeners.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { LoadedCertificates } from '../tls/loaded-certificates.ts'
import type { SecretSource } from '../tls/secrets.ts'
import { nameOf } from './auto-names.ts'
import type { CircuitBreaker, Resources } from './circuit-breaker.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { ConnectionPool, PoolSettings } from './connection-pool.ts'
import { DownstreamProtocolPools } from './downstream-protocol.ts'
import type { ClusterStats, EndpointHost } from './endpoint-host.ts'
import { KeyedPools } from './keyed-pools.ts'
import { PriorityPools } from './priority-pools.ts'
import { type Transport, Transports } from './transport.ts'
import { TunnelPool } from './tunnel.ts'

/** Gives the hosts of a cluster their connections, of the kind that the cluster and each host's metadata ask for. */
export class HostConnections {
  readonly #config: ClusterConfig
  readonly #settings: Omit<PoolSettings, 'tls' | 'resources'>
  readonly #breaker: CircuitBreaker
  readonly #makeTransports: (http2: boolean) => Transports
  #transports: Transports
  /** For HTTP/2 where the client's protocol decides: ALPN has to say so. */
  #http2Transports: Transports
  readonly #http2Stats: Http2Stats | undefined
  readonly #internal: InternalListeners

  constructor(
    proto: ClusterProto,
    config: ClusterConfig,
    secrets: SecretSource,
    breaker: CircuitBreaker,
    stats: ClusterStats,
    scope: StatsScope,
    internal: InternalListeners,
  ) {
    this.#internal = internal
    const path = `cluster "${proto.name}"`
    const { http2, useDownstreamProtocol: both } = config
    this.#config = config
    this.#breaker = breaker
    this.#http2Stats = http2 && http2Stats(scope.scope('http2.'))
    this.#settings = {
      connectTimeoutMs: config.connectTimeoutMs,
      idleTimeoutMs: config.idleTimeoutMs,
      maxDurationMs: config.maxDurationMs,
      maxRequestsPerConnection: config.maxRequestsPerConnection,
      bufferLimit: config.bufferLimit,
      enableTrailers: config.enableTrailers,
      headerKeyFormat: config.headerKeyFormat,
      limits: { ...DEFAULT_LIMITS, maxCount: config.maxHeadersCount ?? DEFAULT_LIMITS.maxCount },
      stats,
    }
    this.#makeTransports = (http2) => new Transports(proto, http2, secrets, path, scope, config.autoNames)
    this.#transports = this.#makeTransports(http2 !== undefined && !both)
    this.#http2Transports = both ? this.#makeTransports(true) : this.#transports
  }

  /** Reads secrets again; throws when one cannot be used. Hosts are to be reconnected once it is put into force. */
  prepareRenewal(): () => void {
    const { http2, useDownstreamProtocol: both } = this.#config
    const transports = this.#makeTransports(http2 !== undefined && !both)
    const http2Transports = both ? this.#makeTransports(true) : transports
    return () => {
      this.#transports = transports
      this.#http2Transports = http2Transports
    }
  }

  get certificates(): LoadedCertificates[] {
    return this.#transports.certificates
  }

  connect(host: EndpointHost): void {
    const transport = this.#transports.of(host.metadata)
    host.transport = transport
    const { internalListener: name } = host.settings
    host.internal = name === '' ? undefined : (depth) => this.#internal.connect(name, host.address, depth)
    host.tunnels = new PriorityPools(this.#breaker, (resources) => {
      return this.#proxied(transport, resources, (settings) => new TunnelPool(host, settings))
    })
    host.pool = new PriorityPools(this.#breaker, (resources) => this.#pool(host, transport, resources))
  }

  /** Closes what is idle, and the rest after its request; what comes gets new connections. */
  reconnect(host: EndpointHost): void {
    host.pool.drain()
    this.connect(host)
  }

  /** New metadata may ask for another transport socket. */
  fit(host: EndpointHost): boolean {
    return this.#transports.of(host.metadata) === host.transport
  }

  #pool(host: EndpointHost, transport: Transport, resources: Resources): ConnectionPool {
    const { http2, useDownstreamProtocol, ownHttp2 } = this.#config
    if (http2 === undefined) return this.#http1(host, transport, resources)
    if (!useDownstreamProtocol) return this.#http2(host, transport, resources)
    const secure = this.#http2Transports.of(host.metadata)
    const plain = this.#http1(host, transport, resources)
    return new DownstreamProtocolPools(plain, this.#http2(host, secure, resources), ownHttp2)
  }

  #http1(host: EndpointHost, transport: Transport, resources: Resources): ConnectionPool {
    return this.#proxied(transport, resources, (settings) => new Http1Pool(host, settings))
  }

  #http2(host: EndpointHost, transport: Transport, resources: Resources): ConnectionPool {
    const { http2 } = this.#config
    const stats = this.#http2Stats
    if (http2 === undefined || stats === undefined) throw new Error('a cluster without HTTP/2')
    return this.#proxied(transport, resources, (settings) => new Http2Pool(host, settings, http2, stats))
  }

  #proxied(
    { tls, proxyHeader }: Transport,
    resources: Resources,
    make: (settings: PoolSettings) => ConnectionPool,
  ): ConnectionPool {
    const settings = { ...this.#settings, tls, resources }
    const { autoNames } = this.#config
    const named = (more: Partial<PoolSettings>): ConnectionPool => {
      const all = { ...settings, ...more }
      if (autoNames === undefined || tls === undefined) return make(all)
      return new KeyedPools(
        (callbacks) => nameOf(autoNames, callbacks),
        (serverName) => make({ ...all, serverName }),
        resources.connections,
      )
    }
    if (proxyHeader === undefined) return named({})
    return new KeyedPools(
      ({ proxied }) => proxyHeader(proxied).latin1Slice(),
      (key) => named({ preamble: Buffer.from(key, 'latin1') }),
      resources.connections,
    )
  }
}
