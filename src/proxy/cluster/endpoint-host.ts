import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import type { ConnectionEnds } from '../stats/connection-ends.ts'
import type { AnswerCounters } from './answer-counters.ts'
import { DEGRADED, EXCLUDED, UNHEALTHY } from './health-flag.ts'
import type { ClusterFacts, Host } from './host.ts'
import type { SubsetStats } from './lb/subset-balancer.ts'
import type { ZoneStats } from './lb/zone-balancer.ts'
import { OutlierMonitor } from './outlier/monitor.ts'
import type { PriorityPools } from './priority-pools.ts'
import type { Transport } from './transport.ts'

/** Where an endpoint runs; '' where it is not told. */
export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subZone: string
}

/** What stays when an endpoint is delivered again. */
export interface EndpointSettings {
  readonly ip: string
  readonly port: number
  readonly hostname: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality: Locality
  readonly weight: number
  readonly priority: number
  /** It is a listener of this proxy, of this name; else ''. */
  readonly internalListener: string
  readonly healthPort: number
  /** Named to it by health checks, or ''. */
  readonly healthHostname: string
  /** Health checks are not turned off for it. */
  readonly healthChecked: boolean
}

/** One endpoint with its connections, its counters and its health. */
export class EndpointHost implements Host {
  settings: EndpointSettings
  readonly cluster: ClusterFacts
  readonly address: string
  readonly ip: string
  readonly port: number
  /** Set by the cluster right after construction. */
  pool!: PriorityPools
  transport!: Transport
  /** Connects to a listener of this proxy, where it is one; `depth`: how many are chained already. */
  internal: ((depth: number) => Socket) | undefined
  /** For CONNECTs that end here. */
  tunnels!: PriorityPools
  active = 0
  /** Requests that wait for a connection. */
  pending = 0
  /** Of `HealthFlag`. */
  healthFlags = 0
  /** When it was last found healthy, or came: slow start counts from there. */
  healthySince = performance.now()
  requests = 0
  errors = 0
  successes = 0
  timeouts = 0
  connectFailures = 0
  /** Those that are none of the pool. */
  tcpConnections = 0
  /** Connections that were begun. */
  connects = 0
  readonly outlier = new OutlierMonitor()

  constructor(settings: EndpointSettings, cluster: ClusterFacts) {
    this.settings = settings
    this.cluster = cluster
    this.ip = settings.ip
    this.port = settings.port
    if (settings.internalListener !== '') this.address = settings.ip
    else
      this.address = settings.ip.includes(':') ? `[${settings.ip}]:${settings.port}` : `${settings.ip}:${settings.port}`
  }

  get hostname(): string {
    return this.settings.hostname
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.settings.metadata
  }

  get locality(): Locality {
    return this.settings.locality
  }

  get weight(): number {
    return this.settings.weight
  }

  get healthy(): boolean {
    return (this.healthFlags & (UNHEALTHY | DEGRADED)) === 0
  }

  /** Used where the healthy ones are too few. */
  get degraded(): boolean {
    return (this.healthFlags & UNHEALTHY) === 0 && (this.healthFlags & DEGRADED) !== 0
  }

  get excluded(): boolean {
    return (this.healthFlags & EXCLUDED) !== 0
  }
}

/** `cluster.<name>.*` */
export interface ClusterStats {
  readonly requests: Cell
  readonly activeRequests: Cell
  readonly pendingActive: Cell
  readonly pendingTotal: Cell
  readonly pendingFailures: Cell
  /** Requests that had a connection, of more than may be under way. */
  readonly activeOverflow: Cell
  readonly pendingOverflow: Cell
  /** Requests that were given up while they waited. */
  readonly cancelled: Cell
  readonly connections: Cell
  readonly http1Connections: Cell
  readonly http2Connections: Cell
  readonly activeConnections: Cell
  readonly ends: ConnectionEnds
  readonly connectFail: Cell
  readonly attemptsExceeded: Cell
  readonly connectTimeout: Cell
  readonly maxDurationReached: Cell
  /** Connections that got the last of their `max_requests_per_connection`. */
  readonly idleTimeouts: Cell
  /** `connection: close` of an answer, or GOAWAY. */
  readonly closeAnnounced: Cell
  readonly protocolErrors: Cell
  readonly connectTime: HistogramCell
  readonly maxRequestsReached: Cell
  readonly connectionOverflow: Cell
  readonly timeouts: Cell
  readonly perTryTimeouts: Cell
  readonly perTryIdleTimeouts: Cell
  readonly durationReached: Cell
  readonly retries: Cell
  readonly retryBackOffs: Cell
  readonly retryResets: Cell
  readonly retrySuccess: Cell
  readonly retryOverflow: Cell
  readonly retryAbandoned: Cell
  readonly retryLimit: Cell
  readonly resets: Cell
  readonly resetsSent: Cell
  readonly redirectsFollowed: Cell
  readonly redirectsLeft: Cell
  readonly answers: AnswerCounters
  readonly duration: HistogramCell
  readonly noHealthy: Cell
  readonly panics: Cell
  readonly healthy: Cell
  readonly total: Cell
  readonly degraded: Cell
  readonly excluded: Cell
  readonly subsets: SubsetStats
  readonly zones: ZoneStats
}
