import {
  type Cluster as ClusterProto,
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
  TrackClusterStatsSchema,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { type Filter, FilterSchema } from '../../../gen/envoy/config/cluster/v3/filter_pb.ts'
import { metadataJson, unpack } from '../config/any.ts'
import { DEFAULT_BUFFER_LIMIT } from '../config/buffer-limit.ts'
import { fetchTimeoutMs } from '../config/fetch-timeout.ts'
import { durationMs, invalid, onlyFields, pauseMs, unsupported } from '../config/fields.ts'
import { ISTIO_PASSIVE } from '../filters/istio.ts'
import type { HeaderKeyFormat } from '../http1/header-key-format.ts'
import { type Http2Options, http2Options } from '../http2/options.ts'
import type { AutoNames } from './auto-names.ts'
import type { DnsSettings } from './dns.ts'
import { httpProtocol } from './http-protocol.ts'
import { lbPolicy } from './lb/lb-policy.ts'
import type { LbPolicy } from './lb/policy-parts.ts'

/** The settings of a cluster, read once. */
export interface ClusterConfig {
  readonly name: string
  readonly statName: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly discovery: 'static' | 'strict_dns' | 'logical_dns' | 'eds'
  /** What EDS is asked for. */
  readonly edsName: string
  /** How long its first answer is waited for where there is a cluster to go on with; 0: until it comes. */
  readonly edsTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  /** Of a connection; 0: any. */
  readonly maxDurationMs: number
  readonly maxRequestsPerConnection: number
  readonly lb: LbPolicy
  readonly panicThreshold: number
  /** New hosts count for nothing until their first health check. */
  readonly ignoreNewHosts: boolean
  readonly closeOnHostChange: boolean
  /** Hosts that discovery no longer has go at once, even if their health checks pass. */
  readonly ignoreHealthOnRemoval: boolean
  readonly dns: DnsSettings
  readonly http2: Http2Options | undefined
  /** HTTP/2 when the request came by it, else HTTP/1.1. */
  readonly useDownstreamProtocol: boolean
  /** HTTP/2 for what the proxy asks of its own accord. */
  readonly ownHttp2: boolean
  /** `per_connection_buffer_limit_bytes`: so much of a request may wait for an upstream that does not take it. */
  readonly bufferLimit: number
  readonly maxHeadersCount: number | undefined
  /** Of HTTP/1.1. */
  readonly enableTrailers: boolean
  readonly headerKeyFormat: HeaderKeyFormat | undefined
  readonly autoNames: AutoNames | undefined
}

const FIELDS = [
  'name',
  'alt_stat_name',
  'type',
  'eds_cluster_config',
  'connect_timeout',
  'per_connection_buffer_limit_bytes',
  'lb_policy',
  'load_balancing_policy',
  'lb_subset_config',
  'load_assignment',
  'health_checks',
  'max_requests_per_connection',
  'circuit_breakers',
  'common_http_protocol_options',
  'http2_protocol_options',
  'typed_extension_protocol_options',
  'dns_refresh_rate',
  'dns_failure_refresh_rate',
  'dns_lookup_family',
  'outlier_detection',
  'ring_hash_lb_config',
  'maglev_lb_config',
  'least_request_lb_config',
  'round_robin_lb_config',
  'common_lb_config',
  'transport_socket',
  'metadata',
  'respect_dns_ttl',
  'upstream_connection_options',
  'http_protocol_options',
  'track_cluster_stats',
  'ignore_health_on_host_removal',
  'protocol_selection',
  'transport_socket_matches',
  'cleanup_interval',
  'filters',
]

const DISCOVERY: Readonly<Record<number, ClusterConfig['discovery']>> = {
  [DiscoveryType.STATIC]: 'static',
  [DiscoveryType.STRICT_DNS]: 'strict_dns',
  [DiscoveryType.LOGICAL_DNS]: 'logical_dns',
  [DiscoveryType.EDS]: 'eds',
}

/** Reads the settings of a cluster; throws where one is wrong or not supported. */
export function clusterConfig(proto: ClusterProto): ClusterConfig {
  const path = `cluster "${proto.name}"`
  onlyFields(ClusterSchema, proto, FIELDS, path)
  if (proto.name === '') throw invalid(`${path}.name`, 'a name is missing')
  if (proto.clusterDiscoveryType.case === 'clusterType')
    throw unsupported(`${path}.cluster_type`, 'custom cluster types')
  const discovery = DISCOVERY[proto.clusterDiscoveryType.value ?? 0]
  if (discovery === undefined) throw unsupported(`${path}.type`, 'ORIGINAL_DST')
  const source = proto.edsClusterConfig?.edsConfig?.configSourceSpecifier.case
  if (source !== 'ads' && (source !== undefined || discovery === 'eds'))
    throw unsupported(`${path}.eds_cluster_config.eds_config`, `${source ?? 'a missing source'}; only ads is supported`)
  proto.filters.forEach((filter, i) => {
    noWork(filter, `${path}.filters[${i}]`)
  })
  const http = httpProtocol(proto, path)
  if (proto.trackClusterStats !== undefined)
    onlyFields(TrackClusterStatsSchema, proto.trackClusterStats, ['per_endpoint_stats'], `${path}.track_cluster_stats`)
  const common = proto.commonLbConfig
  const bufferLimit = proto.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT
  return {
    name: proto.name,
    statName: proto.altStatName || proto.name,
    metadata: metadataJson(proto.metadata),
    discovery,
    edsName: proto.edsClusterConfig?.serviceName || proto.name,
    edsTimeoutMs: fetchTimeoutMs(proto.edsClusterConfig?.edsConfig),
    connectTimeoutMs: pauseMs(proto.connectTimeout, 5000, `${path}.connect_timeout`),
    idleTimeoutMs: durationMs(http.idleTimeout, 3_600_000),
    maxDurationMs: durationMs(http.maxDuration, 0),
    maxRequestsPerConnection: http.maxRequests,
    lb: lbPolicy(proto, path),
    panicThreshold: common?.healthyPanicThreshold?.value ?? 50,
    ignoreNewHosts: common?.ignoreNewHostsUntilFirstHc ?? false,
    closeOnHostChange: common?.closeConnectionsOnHostSetChange ?? false,
    ignoreHealthOnRemoval: proto.ignoreHealthOnHostRemoval,
    dns: dnsSettings(proto, path),
    http2:
      http.http2 !== undefined || http.useDownstream
        ? http2Options(http.http2, `${path}.http2_protocol_options`, bufferLimit)
        : undefined,
    useDownstreamProtocol: http.useDownstream,
    ownHttp2: http.http2 !== undefined,
    bufferLimit,
    maxHeadersCount: http.maxHeadersCount,
    enableTrailers: http.enableTrailers,
    headerKeyFormat: http.headerKeyFormat,
    autoNames: http.autoNames,
  }
}

/** Of the filters of upstream connections only those are taken that would have nothing to do: istiod sends one. */
function noWork(filter: Filter, path: string): void {
  onlyFields(FilterSchema, filter, ['name', 'typed_config'], path)
  const { typeName } = unpack(filter.typedConfig, `${path}.typed_config`)
  if (!ISTIO_PASSIVE.has(typeName)) throw unsupported(path, `upstream filter ${typeName}`)
}

/** By `Cluster.DnsLookupFamily`: AUTO prefers IPv6, V4_PREFERRED IPv4; ALL takes both. */
const FAMILIES: readonly DnsSettings['families'][] = [[6, 4], [4], [6], [4, 6], 'both']

function dnsSettings(proto: ClusterProto, path: string): DnsSettings {
  const refreshMs = pauseMs(proto.dnsRefreshRate, 5000, `${path}.dns_refresh_rate`, 1)
  const failure = proto.dnsFailureRefreshRate
  const where = `${path}.dns_failure_refresh_rate`
  if (failure !== undefined && failure.baseInterval === undefined) throw invalid(`${where}.base_interval`, 'is missing')
  const baseMs = pauseMs(failure?.baseInterval, refreshMs, `${where}.base_interval`, 1)
  // Unless told the longest pause is ten of the first.
  const maxMs = failure === undefined ? refreshMs : durationMs(failure.maxInterval, 10 * baseMs)
  if (maxMs < baseMs) throw invalid(`${where}.max_interval`, 'is shorter than base_interval')
  return {
    refreshMs,
    failureBaseMs: baseMs,
    failureMaxMs: maxMs,
    respectTtl: proto.respectDnsTtl,
    families: FAMILIES[proto.dnsLookupFamily],
  }
}
