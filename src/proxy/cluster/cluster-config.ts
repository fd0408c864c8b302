import {
  type Cluster as ClusterProto,
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Http2ProtocolOptions } from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import { HttpProtocolOptionsSchema as CommonHttpOptionsSchema } from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { metadataJson, unpackAs } from '../config/any.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { type Http2Options, http2Options } from '../http2/options.ts'
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
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxRequestsPerConnection: number
  readonly lb: LbPolicy
  readonly panicThreshold: number
  /** New hosts count for nothing until their first health check. */
  readonly ignoreNewHosts: boolean
  readonly closeOnHostChange: boolean
  /** Hosts that discovery no longer has go at once, even if their health checks pass. */
  readonly ignoreHealthOnRemoval: boolean
  readonly dnsRefreshMs: number
  readonly dnsFamily: 0 | 4 | 6
  readonly http2: Http2Options | undefined
  /** HTTP/2 when the request came by it. */
  readonly useDownstreamProtocol: boolean
  readonly bufferLimit: number
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
]

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

const DISCOVERY: Readonly<Record<number, ClusterConfig['discovery']>> = {
  [DiscoveryType.STATIC]: 'static',
  [DiscoveryType.STRICT_DNS]: 'strict_dns',
  [DiscoveryType.LOGICAL_DNS]: 'logical_dns',
  [DiscoveryType.EDS]: 'eds',
}

export function clusterConfig(proto: ClusterProto, path = `cluster "${proto.name}"`): ClusterConfig {
  onlyFields(ClusterSchema, proto, FIELDS, path)
  if (proto.name === '') throw invalid(`${path}.name`, 'a name is missing')
  if (proto.clusterDiscoveryType.case === 'clusterType')
    throw unsupported(`${path}.cluster_type`, 'custom cluster types')
  const discovery = DISCOVERY[proto.clusterDiscoveryType.value ?? 0]
  if (discovery === undefined) throw unsupported(`${path}.type`, 'ORIGINAL_DST')
  const http = httpOptions(proto, path)
  const common = proto.commonLbConfig
  return {
    name: proto.name,
    statName: proto.altStatName || proto.name,
    metadata: metadataJson(proto.metadata),
    discovery,
    edsName: proto.edsClusterConfig?.serviceName || proto.name,
    connectTimeoutMs: durationMs(proto.connectTimeout, 5000),
    idleTimeoutMs: durationMs(http.idleTimeout, 3_600_000),
    maxRequestsPerConnection: http.maxRequests,
    lb: lbPolicy(proto, path),
    panicThreshold: common?.healthyPanicThreshold?.value ?? 50,
    ignoreNewHosts: common?.ignoreNewHostsUntilFirstHc ?? false,
    closeOnHostChange: common?.closeConnectionsOnHostSetChange ?? false,
    ignoreHealthOnRemoval: proto.ignoreHealthOnHostRemoval,
    dnsRefreshMs: durationMs(proto.dnsRefreshRate, 5000),
    dnsFamily: ([0, 4, 6, 4, 0] as const)[proto.dnsLookupFamily],
    http2: http.http2 && http2Options(http.http2, `${path}.http2_protocol_options`),
    useDownstreamProtocol: http.useDownstream,
    bufferLimit: proto.perConnectionBufferLimitBytes ?? 1024 * 1024,
  }
}

interface HttpPart {
  idleTimeout: ClusterProto['connectTimeout']
  maxRequests: number
  http2: Http2ProtocolOptions | undefined
  useDownstream: boolean
}

function httpOptions(proto: ClusterProto, path: string): HttpPart {
  const part: HttpPart = {
    idleTimeout: proto.commonHttpProtocolOptions?.idleTimeout,
    maxRequests: proto.maxRequestsPerConnection ?? proto.commonHttpProtocolOptions?.maxRequestsPerConnection ?? 0,
    http2: proto.http2ProtocolOptions,
    useDownstream: false,
  }
  for (const [name, any] of Object.entries(proto.typedExtensionProtocolOptions)) {
    const where = `${path}.typed_extension_protocol_options["${name}"]`
    if (name !== HTTP_OPTIONS) throw unsupported(where, 'protocol options')
    const options = unpackAs(any, HttpProtocolOptionsSchema, where)
    onlyFields(
      HttpProtocolOptionsSchema,
      options,
      ['common_http_protocol_options', 'explicit_http_config', 'use_downstream_protocol_config'],
      where,
    )
    const common = options.commonHttpProtocolOptions
    if (common !== undefined) {
      onlyFields(
        CommonHttpOptionsSchema,
        common,
        ['idle_timeout', 'max_requests_per_connection', 'max_headers_count'],
        `${where}.common_http_protocol_options`,
      )
      part.idleTimeout = common.idleTimeout ?? part.idleTimeout
      part.maxRequests = common.maxRequestsPerConnection ?? part.maxRequests
    }
    const choice = options.upstreamProtocolOptions
    if (choice.case === 'explicitHttpConfig') {
      const protocol = choice.value.protocolConfig
      if (protocol.case === 'http2ProtocolOptions') part.http2 = protocol.value
      else if (protocol.case === 'http3ProtocolOptions') throw unsupported(`${where}.explicit_http_config`, 'HTTP/3')
    } else if (choice.case === 'useDownstreamProtocolConfig') {
      part.useDownstream = true
      part.http2 = choice.value.http2ProtocolOptions
    }
  }
  return part
}
