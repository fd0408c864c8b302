import {
  type TcpProxy,
  TcpProxy_WeightedClusterSchema,
  TcpProxySchema,
} from '../../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import type { HashPolicy } from '../../../../gen/envoy/type/v3/hash_policy_pb.ts'
import type { ClusterManager } from '../../cluster/cluster-manager.ts'
import { Hash64, xxHash64 } from '../../cluster/hash64.ts'
import { MetadataMatch } from '../../cluster/lb/metadata-match.ts'
import { metadataJson } from '../../config/any.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import { type AccessLogger, accessLogger } from '../../http/access-log.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import { Tunneling } from './tunneling.ts'

const FIELDS = [
  'stat_prefix',
  'cluster',
  'weighted_clusters',
  'idle_timeout',
  'access_log',
  'max_connect_attempts',
  'hash_policy',
  'metadata_match',
  'tunneling_config',
  'max_downstream_connection_duration',
]

export function logPath(index: number): string {
  return `tcp_proxy.access_log[${index}]`
}

/** A cluster, and what is asked of its endpoints' metadata. */
export interface Target {
  readonly name: string
  readonly bound: number
  readonly match: MetadataMatch | undefined
}

export class Settings {
  readonly clusters: ClusterManager
  readonly idleMs: number
  readonly attempts: number
  /** Of a client's connection; 0: any. */
  readonly maxDurationMs: number
  readonly tooLong
  readonly idleTimeouts
  readonly hash: ((info: StreamInfo) => Hash64 | undefined) | undefined
  readonly logs: readonly AccessLogger[]
  readonly connections
  readonly noRoute
  readonly received
  readonly sent
  readonly tunneling: Tunneling | undefined
  readonly #targets: readonly Target[]

  constructor(config: TcpProxy, context: FactoryContext) {
    onlyFields(TcpProxySchema, config, FIELDS, 'tcp_proxy')
    this.clusters = context.clusters as ClusterManager
    this.idleMs = durationMs(config.idleTimeout, 3_600_000)
    this.attempts = config.maxConnectAttempts ?? 1
    this.maxDurationMs = durationMs(config.maxDownstreamConnectionDuration, 0)
    this.hash = connectionHash(config.hashPolicy)
    const prepared = context.prepared as readonly unknown[]
    this.logs = config.accessLog.map((log, i) =>
      accessLogger(log, logPath(i), { ...context, filterName: log.name, prepared: prepared[i] }),
    )
    const stats = context.stats.scope(`tcp.${config.statPrefix}.`)
    this.connections = stats.counter('downstream_cx_total')
    this.noRoute = stats.counter('downstream_cx_no_route')
    this.received = stats.counter('downstream_cx_rx_bytes_total')
    this.sent = stats.counter('downstream_cx_tx_bytes_total')
    this.idleTimeouts = stats.counter('idle_timeout')
    this.tooLong = stats.counter('max_downstream_connection_duration')
    const { tunnelingConfig } = config
    this.tunneling = tunnelingConfig && new Tunneling(tunnelingConfig, 'tcp_proxy.tunneling_config')
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
