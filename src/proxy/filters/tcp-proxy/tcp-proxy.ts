/** `envoy.filters.network.tcp_proxy`: bytes from one connection to another. */
import { performance } from 'node:perf_hooks'
import { TcpProxySchema } from '../../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import type { MetadataMatch } from '../../cluster/lb/metadata-match.ts'
import type { UpstreamConnection } from '../../cluster/upstream-connection.ts'
import { prepareAccessLog } from '../../http/access-log.ts'
import { ResponseFlag, StreamInfo } from '../../http/stream-info.ts'
import { countRead } from '../../network/end-of-turn.ts'
import {
  FilterStatus,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterConfig,
  type NetworkFilterFactory,
} from '../../network/filter.ts'
import { Timeout, type TimeoutOwner } from '../../timeout-queue.ts'
import { transportReason } from '../router/failure.ts'
import { logPath, Settings } from './settings.ts'
import { SocketUpstream } from './socket-upstream.ts'
import { TunnelUpstream } from './tunnel-upstream.ts'
import type { Tunneling } from './tunneling.ts'
import type { TcpUpstream, TcpUpstreamOwner } from './upstream.ts'

export const tcpProxy: NetworkFilterFactory<typeof TcpProxySchema> = {
  name: 'envoy.filters.network.tcp_proxy',
  configType: TcpProxySchema,
  terminal: true,
  prepare: (config) => Promise.all(config.accessLog.map((log, i) => prepareAccessLog(log, logPath(i)))),
  create(config, context) {
    const settings = new Settings(config, context)
    return {
      createFilter: (callbacks: NetworkFilterCallbacks) => new TcpProxyFilter(callbacks, settings),
      destroy: () => settings.close(),
    } satisfies NetworkFilterConfig
  },
}

const IDLE = 0
const LONGEST = 1

class TcpProxyFilter implements NetworkFilter, TcpUpstreamOwner, TimeoutOwner {
  readonly #callbacks: NetworkFilterCallbacks
  readonly #settings: Settings
  readonly #info: StreamInfo
  readonly #idle = new Timeout(this, IDLE)
  #longest: Timeout | undefined
  #upstream: TcpUpstream | undefined
  #cluster: Cluster | undefined
  #match: MetadataMatch | undefined
  #host: EndpointHost | undefined
  #over = false
  /** Nothing is read before there is a connection to the cluster, as in Envoy: filters in front see no byte before either. */
  #paused = true

  constructor(callbacks: NetworkFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
    this.#info = new StreamInfo(callbacks.connection)
    this.#info.protocol = ''
    this.#info.startMono = performance.now()
    this.#info.startTime = performance.timeOrigin + this.#info.startMono
    settings.connections.value++
    callbacks.count(settings.received, settings.sent)
    callbacks.pauseReading()
    if (settings.maxDurationMs > 0) {
      this.#longest = new Timeout(this, LONGEST)
      this.#longest.arm(settings.maxDurationMs)
    }
    callbacks.onDrain(() => this.#upstream?.resume())
  }

  onNewConnection(): FilterStatus {
    const { name, match } = this.#settings.target()
    this.#match = match
    this.#cluster = this.#settings.clusters.get(name)
    if (this.#cluster === undefined) {
      this.#settings.noRoute.value++
      this.#fail(ResponseFlag.NoClusterFound)
      return FilterStatus.StopIteration
    }
    this.#info.upstreamCluster = name
    this.#connect()
    return FilterStatus.Continue
  }

  onData(data: BodyBuffer, endStream: boolean): FilterStatus {
    this.#idle.arm(this.#settings.idleMs)
    if (this.#upstream?.write(data, endStream) === false && !this.#paused) {
      this.#paused = true
      this.#callbacks.pauseReading()
    }
    countRead()
    return FilterStatus.StopIteration
  }

  onClose(): void {
    this.#finish()
    this.#upstream?.destroy(this.#callbacks.peerReset)
  }

  onTimeout(kind: number): void {
    if (kind === LONGEST) {
      this.#settings.tooLong.value++
      this.#info.responseFlags |= ResponseFlag.DurationTimeout
      this.#callbacks.close('', true)
      return
    }
    this.#settings.idleTimeouts.value++
    // With what a client that does not read has not taken (Envoy: NoFlush).
    this.#callbacks.close('', true)
  }

  #connect(): void {
    const cluster = this.#cluster as Cluster
    // As in Envoy in front of all else, and for tunnels, too, whose pool would let its first connection be.
    if (cluster.breaker.default.connections.full) {
      cluster.stats.connectionOverflow.value++
      this.#fail(ResponseFlag.UpstreamOverflow)
      return
    }
    const host = cluster.choose(this.#settings.hash?.(this.#info), this.#match)
    if (host === undefined) {
      cluster.stats.noHealthy.value++
      this.#fail(ResponseFlag.NoHealthyUpstream)
      return
    }
    this.#host = host
    const { tunneling } = this.#settings
    if (tunneling === undefined) this.#open(cluster, host)
    else this.#tunnel(cluster, host, tunneling)
  }

  #open(cluster: Cluster, host: EndpointHost): void {
    const { connections, pending } = cluster.breaker.default
    this.#info.attemptCount++
    // While it is connected it waits like a request (Envoy's ConnPoolImplBase::newStreamImpl).
    if (!pending.tryTake()) {
      cluster.stats.pendingOverflow.value++
      this.upstreamOverflowed()
      return
    }
    connections.add()
    this.#upstream = new SocketUpstream(this, cluster, host, this.#info.connection)
  }

  #tunnel(cluster: Cluster, host: EndpointHost, tunneling: Tunneling): void {
    this.#info.attemptCount++
    this.#tellShared()
    const request = tunneling.request(this.#info, host.transport.tls !== undefined)
    const tunnel = new TunnelUpstream(this, cluster, request, this.#info.connection)
    this.#upstream = tunnel
    // Nothing else bounds how long an answer may take, and that a client has ended is not read before it.
    this.#idle.arm(this.#settings.idleMs)
    tunnel.start(host)
  }

  // From the upstream

  upstreamFailed(reason: string): void {
    const host = this.#host as EndpointHost
    this.#cluster?.outliers?.onLocalFailure(host)
    this.#info.upstreamHost = host
    this.#info.upstreamTransportFailureReason = transportReason(reason)
    this.#info.responseFlags |= ResponseFlag.UpstreamConnectionFailure
    this.#upstream = undefined
    if (this.#info.attemptCount < this.#settings.attempts) {
      this.#connect()
      return
    }
    this.#giveUp()
  }

  /** Envoy makes the other attempts at once, which find no room either. */
  upstreamOverflowed(): void {
    this.#upstream = undefined
    this.#giveUp()
  }

  #giveUp(): void {
    if (this.#cluster !== undefined) this.#cluster.stats.attemptsExceeded.value++
    this.#fail(ResponseFlag.UpstreamRetryLimitExceeded)
  }

  upstreamReady(about: UpstreamConnection): void {
    const host = this.#host as EndpointHost
    this.#cluster?.outliers?.onConnectedOnly(host)
    this.#info.upstreamHost = host
    this.#info.upstreamConnection = about
    const { upstream } = this.#callbacks
    upstream.host = host.address
    upstream.localAddress = about.localAddress
    upstream.cluster = this.#info.upstreamCluster
    this.#idle.arm(this.#settings.idleMs)
    this.upstreamDrained()
  }

  upstreamData(data: BodyBuffer, end: boolean): void {
    this.#idle.arm(this.#settings.idleMs)
    this.#info.bytesSent += data.length
    this.#callbacks.write(data, end)
    if (this.#callbacks.writableNeedsDrain) this.#upstream?.pause()
    countRead()
  }

  upstreamDrained(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#callbacks.resumeReading()
  }

  upstreamReset(): void {
    this.#info.responseFlags |= ResponseFlag.UpstreamRemoteReset
    this.#callbacks.close('', 'reset')
  }

  upstreamClosed(): void {
    // Nobody takes what comes now, and it is no sign of life: the idle timeout is for the client to read the rest.
    this.#callbacks.pauseReading()
    this.#callbacks.close('')
  }

  #fail(flag: number): void {
    this.#info.responseFlags |= flag
    process.nextTick(() => this.#callbacks.close('', true))
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#idle.cancel()
    this.#longest?.cancel()
    this.#info.endMono = performance.now()
    this.#info.logType = 'TcpConnectionEnd'
    this.#info.bytesReceived = this.#callbacks.bytesRead
    this.#info.responseFlags |= this.#callbacks.connection.responseFlags
    if (this.#settings.logs.length === 0) return
    this.#tellShared()
    for (const log of this.#settings.logs) log.log(this.#info)
  }

  /** What other filters have set, for formats. */
  #tellShared(): void {
    const { dynamicMetadata, filterState } = this.#callbacks
    for (const [namespace, values] of dynamicMetadata) this.#info.setDynamicMetadata(namespace, values)
    for (const [key, value] of filterState) {
      this.#info.setFilterState(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength))
    }
  }
}
