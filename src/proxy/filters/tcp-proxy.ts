/** `envoy.filters.network.tcp_proxy`: bytes from one connection to another. */

import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import {
  type TcpProxy,
  TcpProxy_WeightedClusterSchema,
  TcpProxySchema,
} from '../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import type { HashPolicy } from '../../../gen/envoy/type/v3/hash_policy_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { ClusterManager } from '../cluster/cluster-manager.ts'
import { openSocket, upstreamConnection } from '../cluster/connecting.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'
import { Hash64, xxHash64 } from '../cluster/hash64.ts'
import { MetadataMatch } from '../cluster/lb/metadata-match.ts'
import type { UpstreamConnection } from '../cluster/upstream-connection.ts'
import { metadataJson } from '../config/any.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { FactoryContext } from '../context.ts'
import { type AccessLogger, accessLogger, prepareAccessLog } from '../http/access-log.ts'
import { ResponseFlag, StreamInfo } from '../http/stream-info.ts'
import { countRead } from '../network/end-of-turn.ts'
import {
  FilterStatus,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterConfig,
  type NetworkFilterFactory,
} from '../network/filter.ts'
import { Timeout, type TimeoutOwner } from '../timeout-queue.ts'

const FIELDS = [
  'stat_prefix',
  'cluster',
  'weighted_clusters',
  'idle_timeout',
  'access_log',
  'max_connect_attempts',
  'hash_policy',
  'metadata_match',
]

export const tcpProxy: NetworkFilterFactory<typeof TcpProxySchema> = {
  name: 'envoy.filters.network.tcp_proxy',
  configType: TcpProxySchema,
  terminal: true,
  prepare: (config) => Promise.all(config.accessLog.map((log, i) => prepareAccessLog(log, logPath(i)))),
  create(config, context) {
    onlyFields(TcpProxySchema, config, FIELDS, 'tcp_proxy')
    const settings = new Settings(config, context)
    return {
      createFilter: (callbacks: NetworkFilterCallbacks) => new TcpProxyFilter(callbacks, settings),
      destroy: () => settings.close(),
    } satisfies NetworkFilterConfig
  },
}

function logPath(index: number): string {
  return `tcp_proxy.access_log[${index}]`
}

/** A cluster, and what is asked of its endpoints' metadata. */
interface Target {
  readonly name: string
  readonly bound: number
  readonly match: MetadataMatch | undefined
}

class Settings {
  readonly clusters: ClusterManager
  readonly idleMs: number
  readonly attempts: number
  readonly hash: ((info: StreamInfo) => Hash64 | undefined) | undefined
  readonly logs: readonly AccessLogger[]
  readonly connections
  readonly #targets: readonly Target[]

  constructor(config: TcpProxy, context: FactoryContext) {
    this.clusters = context.clusters as ClusterManager
    this.idleMs = durationMs(config.idleTimeout, 3_600_000)
    this.attempts = config.maxConnectAttempts ?? 1
    this.hash = connectionHash(config.hashPolicy)
    const prepared = context.prepared as readonly unknown[]
    this.logs = config.accessLog.map((log, i) =>
      accessLogger(log, logPath(i), { ...context, filterName: log.name, prepared: prepared[i] }),
    )
    this.connections = context.stats.scope(`tcp.${config.statPrefix}.`).counter('downstream_cx_total')
    const specifier = config.clusterSpecifier
    const match = MetadataMatch.of(metadataJson(config.metadataMatch))
    if (specifier.case === 'cluster') this.#targets = [{ name: specifier.value, bound: 1, match }]
    else if (specifier.case === 'weightedClusters') {
      onlyFields(TcpProxy_WeightedClusterSchema, specifier.value, ['clusters'], 'tcp_proxy.weighted_clusters')
      let bound = 0
      this.#targets = specifier.value.clusters.map(({ name, weight, metadataMatch }) => {
        bound += weight
        return { name, bound, match: MetadataMatch.of(metadataJson(metadataMatch), match) }
      })
    } else throw invalid('tcp_proxy', 'a cluster is missing')
  }

  target(): Target {
    const targets = this.#targets
    const at = Math.random() * targets[targets.length - 1].bound
    return targets.find(({ bound }) => at < bound) ?? targets[0]
  }

  close(): void {
    for (const log of this.logs) log.close()
  }
}

/** Of a connection there is less to hash than of a request. */
function connectionHash(policies: readonly HashPolicy[]): Settings['hash'] {
  if (policies.length === 0) return undefined
  if (policies.length > 1) throw invalid('tcp_proxy.hash_policy', 'only one policy is allowed')
  const specifier = policies[0].policySpecifier
  const hash = new Hash64()
  if (specifier.case === 'sourceIp') return (info) => xxHash64(info.remoteAddress, hash)
  throw unsupported('tcp_proxy.hash_policy[0]', 'a policy other than source_ip')
}

class TcpProxyFilter implements NetworkFilter, TimeoutOwner {
  readonly #callbacks: NetworkFilterCallbacks
  readonly #settings: Settings
  readonly #info: StreamInfo
  readonly #idle = new Timeout(this, 0)
  #connectTimer: NodeJS.Timeout | undefined
  #upstream: Socket | undefined
  #connected = false
  #held = new BodyBuffer()
  #heldEnd = false
  #attempts = 0
  #cluster: Cluster | undefined
  #match: MetadataMatch | undefined
  #host: EndpointHost | undefined
  #over = false
  #paused = false

  constructor(callbacks: NetworkFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
    this.#info = new StreamInfo(callbacks.connection)
    this.#info.protocol = ''
    this.#info.startMono = performance.now()
    this.#info.startTime = performance.timeOrigin + this.#info.startMono
    settings.connections.value++
    callbacks.onDrain(() => this.#upstream?.resume())
  }

  onNewConnection(): FilterStatus {
    const { name, match } = this.#settings.target()
    this.#match = match
    this.#info.upstreamCluster = name
    this.#cluster = this.#settings.clusters.get(name)
    if (this.#cluster === undefined) {
      this.#fail(ResponseFlag.NoClusterFound, 'cluster_not_found')
      return FilterStatus.StopIteration
    }
    this.#connect()
    return FilterStatus.Continue
  }

  onData(data: BodyBuffer, endStream: boolean): FilterStatus {
    this.#idle.arm(this.#settings.idleMs)
    this.#info.bytesReceived += data.length
    const upstream = this.#upstream
    if (!this.#connected || upstream === undefined) {
      this.#held.move(data)
      this.#heldEnd = endStream
      if (!this.#paused && this.#held.length > MAX_HELD) {
        this.#paused = true
        this.#callbacks.pauseReading()
      }
      return FilterStatus.StopIteration
    }
    this.#forward(upstream, data, endStream)
    countRead()
    return FilterStatus.StopIteration
  }

  onClose(): void {
    this.#finish()
    this.#upstream?.destroy()
  }

  onTimeout(): void {
    this.#info.connectionTerminationDetails = 'tcp_session_idle_timeout'
    this.#callbacks.close('tcp_session_idle_timeout')
  }

  #forward(upstream: Socket, data: BodyBuffer, endStream: boolean): void {
    let room = true
    for (const chunk of data.chunks) room = upstream.write(chunk)
    data.clear()
    if (endStream) upstream.end()
    else if (!room && !this.#paused) {
      this.#paused = true
      this.#callbacks.pauseReading()
    }
  }

  #connect(): void {
    const cluster = this.#cluster as Cluster
    const host = cluster.choose(this.#settings.hash?.(this.#info), this.#match)
    if (host === undefined) {
      cluster.stats.noHealthy.value++
      this.#fail(ResponseFlag.NoHealthyUpstream, 'no_healthy_upstream')
      return
    }
    const { connections } = cluster.breaker.default
    if (!connections.tryTake()) {
      cluster.stats.connectionOverflow.value++
      this.#fail(ResponseFlag.UpstreamOverflow, 'upstream_overflow')
      return
    }
    this.#attempts++
    this.#host = host
    cluster.stats.connections.value++
    cluster.stats.activeConnections.value++
    const { tls, proxyHeader } = host.transport
    const { connection } = this.#info
    // Either side may end and still be sent to (Envoy's enableHalfClose).
    const socket = openSocket(host, tls, proxyHeader?.(connection), host.port, connection.internalDepth, true)
    this.#upstream = socket
    const began = performance.now()
    let connected = 0
    let counted = true
    const gone = () => {
      if (!counted) return
      counted = false
      connections.free()
      cluster.stats.activeConnections.value--
    }
    let failed = false
    const fail = (reason: string) => {
      if (failed || this.#connected) return
      failed = true
      clearTimeout(this.#connectTimer)
      socket.destroy()
      cluster.stats.connectFail.value++
      // The client has gone: that says nothing of the host.
      if (this.#over) return
      cluster.outliers?.onLocalFailure(host)
      this.#info.upstreamTransportFailureReason = reason
      if (this.#attempts < this.#settings.attempts) this.#connect()
      else this.#fail(ResponseFlag.UpstreamConnectionFailure, 'upstream_connection_failure')
    }
    this.#connectTimer = setTimeout(fail, cluster.config.connectTimeoutMs, 'connect timeout').unref()
    socket.on('error', (error) => fail(error.message))
    socket.on('close', () => {
      gone()
      if (this.#connected && !this.#over) this.#callbacks.close('')
      else fail('closed')
    })
    if (tls !== undefined) socket.once('connect', () => (connected = performance.now()))
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      const refused = tls?.verify(socket)
      if (refused !== undefined) {
        fail(refused)
        return
      }
      clearTimeout(this.#connectTimer)
      this.#ready(socket, host, upstreamConnection(socket, tls, began, connected))
    })
  }

  #ready(socket: Socket, host: EndpointHost, about: UpstreamConnection): void {
    this.#connected = true
    this.#cluster?.outliers?.onConnectedOnly(host)
    this.#info.upstreamHost = host
    this.#info.upstreamConnection = about
    const { upstream } = this.#callbacks
    upstream.host = host.address
    upstream.localAddress = about.localAddress
    upstream.cluster = this.#info.upstreamCluster
    host.active++
    this.#idle.arm(this.#settings.idleMs)
    socket.on('data', (chunk: Buffer) => this.#onUpstream(socket, chunk))
    socket.on('end', () => this.#callbacks.write(new BodyBuffer(), true))
    socket.on('drain', () => this.#resume())
    if (this.#paused) this.#resume()
    if (this.#held.length > 0 || this.#heldEnd) this.#forward(socket, this.#held, this.#heldEnd)
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#callbacks.resumeReading()
  }

  #onUpstream(socket: Socket, chunk: Buffer): void {
    this.#idle.arm(this.#settings.idleMs)
    this.#info.bytesSent += chunk.length
    const data = new BodyBuffer()
    data.add(chunk)
    this.#callbacks.write(data, false)
    if (this.#callbacks.writableNeedsDrain) socket.pause()
    countRead()
  }

  #fail(flag: number, details: string): void {
    this.#info.responseFlags |= flag
    this.#info.connectionTerminationDetails = details
    process.nextTick(() => this.#callbacks.close(details, true))
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#idle.cancel()
    clearTimeout(this.#connectTimer)
    if (this.#connected && this.#host !== undefined) this.#host.active--
    this.#info.endMono = performance.now()
    this.#info.logType = 'TcpConnectionEnd'
    if (this.#settings.logs.length === 0) return
    const { dynamicMetadata, filterState } = this.#callbacks
    for (const [namespace, values] of dynamicMetadata) this.#info.setDynamicMetadata(namespace, values)
    for (const [key, value] of filterState) {
      this.#info.setFilterState(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength))
    }
    for (const log of this.#settings.logs) log.log(this.#info)
  }
}

const MAX_HELD = 256 * 1024
