import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { ClusterFacts, Host } from './host.ts'
import type { Transport } from './transport.ts'

/** Why a host gets no traffic. */
export const Unhealthy = { ActiveCheck: 1, Outlier: 2, Eds: 4 } as const

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
  readonly healthPort: number
}

/** One endpoint with its connections, its counters and its health. */
export class EndpointHost implements Host {
  settings: EndpointSettings
  readonly cluster: ClusterFacts
  readonly address: string
  readonly ip: string
  readonly port: number
  /** Set by the cluster right after construction. */
  pool!: ConnectionPool
  transport!: Transport
  /** For CONNECTs that end here. */
  tunnels!: ConnectionPool
  active = 0
  unhealthy = 0
  degraded = false
  requests = 0
  errors = 0
  successes = 0
  connectFailures = 0
  /** Of outlier detection. */
  consecutive5xx = 0
  consecutiveGateway = 0
  consecutiveLocal = 0
  ejections = 0
  ejectedUntil = 0
  /** Smooth weighted round robin. */
  current = 0

  constructor(settings: EndpointSettings, cluster: ClusterFacts) {
    this.settings = settings
    this.cluster = cluster
    this.ip = settings.ip
    this.port = settings.port
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
    return this.unhealthy === 0
  }
}

/** `cluster.<name>.*` */
export interface ClusterStats {
  readonly requests: Cell
  readonly activeRequests: Cell
  readonly pendingActive: Cell
  readonly pendingTotal: Cell
  readonly pendingOverflow: Cell
  readonly connections: Cell
  readonly activeConnections: Cell
  readonly connectFail: Cell
  readonly connectTimeout: Cell
  readonly connectionOverflow: Cell
  readonly timeouts: Cell
  readonly perTryTimeouts: Cell
  readonly retries: Cell
  readonly retrySuccess: Cell
  readonly retryOverflow: Cell
  readonly retryLimit: Cell
  readonly resets: Cell
  readonly classes: readonly Cell[]
  readonly duration: HistogramCell
  readonly noHealthy: Cell
  readonly panics: Cell
  readonly healthy: Cell
  readonly total: Cell
  readonly ejections: Cell
  readonly activeEjections: Cell
  readonly checkSuccess: Cell
  readonly checkFailure: Cell
}
