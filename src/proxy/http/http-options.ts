import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { Http1ProtocolOptionsSchema, HttpProtocolOptionsSchema } from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  type HttpConnectionManager_ForwardClientCertDetails as Xfcc,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import { DEFAULT_LIMITS, type HeadLimits } from '../http1/head.ts'
import { type HeaderKeyFormat, headerKeyFormat } from '../http1/header-key-format.ts'
import { type Http2Options, http2Options } from '../http2/options.ts'
import { cidrMatch, isInternalAddress } from '../match/cidr.ts'
import type { ForwardedOptions } from './forwarded.ts'
import type { PathOptions } from './path.ts'

/** The settings of a connection manager, read once. */
export interface HttpOptions {
  readonly codec: 'auto' | 'http1' | 'http2'
  readonly statPrefix: string
  readonly limits: HeadLimits
  readonly forwarded: ForwardedOptions
  readonly path: PathOptions
  readonly serverName: string
  readonly serverHeader: 'overwrite' | 'append' | 'pass'
  readonly via: string
  readonly requestTimeoutMs: number
  readonly requestHeadersTimeoutMs: number
  readonly streamIdleTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxConnectionDurationMs: number
  readonly maxStreamDurationMs: number
  readonly maxRequestsPerConnection: number
  readonly drainTimeoutMs: number
  readonly delayedCloseMs: number
  readonly alwaysSetRequestIdInResponse: boolean
  readonly stripHostPort: 'no' | 'matching' | 'any'
  readonly stripTrailingHostDot: boolean
  readonly acceptHttp10: boolean
  readonly defaultHostForHttp10: string
  readonly enableTrailers: boolean
  readonly headerKeyFormat: HeaderKeyFormat | undefined
  readonly underscores: 'allow' | 'reject' | 'drop'
  readonly upgrades: ReadonlyMap<string, boolean>
  readonly xfcc: Xfcc
  readonly xfccDetails: HttpConnectionManager['setCurrentClientCertDetails']
  /** An HTTP/1.1 request that is answered by 400 does not end its connection, where it could be read. */
  readonly streamErrors: boolean
  readonly http2: Http2Options
  /** `add_user_agent`: what this proxy calls itself towards upstreams. */
  readonly caller: Caller | undefined
}

/** The names of the node. */
export interface Caller {
  readonly cluster: string
  readonly node: string
}

const FIELDS = [
  'codec_type',
  'stat_prefix',
  'rds',
  'route_config',
  'http_filters',
  'add_user_agent',
  'common_http_protocol_options',
  'http_protocol_options',
  'http2_protocol_options',
  'server_name',
  'server_header_transformation',
  'max_request_headers_kb',
  'stream_idle_timeout',
  'request_timeout',
  'request_headers_timeout',
  'drain_timeout',
  'delayed_close_timeout',
  'access_log',
  'use_remote_address',
  'xff_num_trusted_hops',
  'internal_address_config',
  'skip_xff_append',
  'via',
  'generate_request_id',
  'preserve_external_request_id',
  'always_set_request_id_in_response',
  'forward_client_cert_details',
  'set_current_client_cert_details',
  'upgrade_configs',
  'normalize_path',
  'merge_slashes',
  'path_with_escaped_slashes_action',
  'local_reply_config',
  'strip_matching_host_port',
  'strip_any_host_port',
  'strip_trailing_host_dot',
  'append_x_forwarded_port',
  'tracing',
  'request_id_extension',
  'stream_error_on_invalid_http_message',
]

/**
 * A client has a thousand streams for the asking and need not read one: of each less waits than the megabyte of Envoy's default. Neither
 * the client nor the upstream sees how much does.
 */
const MOST_WAITING = 64 * 1024

/** Reads the settings of a connection manager; throws where one is wrong or not supported. */
export function httpOptions(config: HttpConnectionManager, node: Node, bufferLimit: number, path: string): HttpOptions {
  onlyFields(HttpConnectionManagerSchema, config, FIELDS, path)
  const common = config.commonHttpProtocolOptions
  if (common !== undefined) {
    onlyFields(
      HttpProtocolOptionsSchema,
      common,
      [
        'idle_timeout',
        'max_connection_duration',
        'max_headers_count',
        'max_stream_duration',
        'headers_with_underscores_action',
        'max_requests_per_connection',
      ],
      `${path}.common_http_protocol_options`,
    )
  }
  const http1 = config.httpProtocolOptions
  if (http1 !== undefined) {
    onlyFields(
      Http1ProtocolOptionsSchema,
      http1,
      [
        'allow_absolute_url',
        'accept_http_10',
        'default_host_for_http_10',
        'enable_trailers',
        'allow_custom_methods',
        'override_stream_error_on_invalid_http_message',
        'header_key_format',
      ],
      `${path}.http_protocol_options`,
    )
  }
  const streamErrors = config.streamErrorOnInvalidHttpMessage
  if (config.codecType === 3) throw unsupported(`${path}.codec_type`, 'HTTP/3')
  if (config.statPrefix === '') throw invalid(`${path}.stat_prefix`, 'a stat prefix is missing')
  return {
    codec: (['auto', 'http1', 'http2'] as const)[config.codecType],
    statPrefix: config.statPrefix,
    limits: {
      maxBytes: (config.maxRequestHeadersKb ?? DEFAULT_LIMITS.maxBytes / 1024) * 1024,
      maxCount: common?.maxHeadersCount ?? DEFAULT_LIMITS.maxCount,
      anyMethod: http1?.allowCustomMethods ?? false,
      absoluteUrls: http1?.allowAbsoluteUrl ?? true,
      edge: (config.useRemoteAddress ?? false) && config.xffNumTrustedHops === 0,
    },
    forwarded: {
      useRemoteAddress: config.useRemoteAddress ?? false,
      trustedHops: config.xffNumTrustedHops,
      skipXffAppend: config.skipXffAppend,
      appendForwardedPort: config.appendXForwardedPort,
      generateRequestId: config.generateRequestId ?? true,
      preserveExternalRequestId: config.preserveExternalRequestId,
      isInternal: internalAddresses(config, path),
    },
    path: {
      // Envoy's own default is off; Istio always turns it on.
      normalize: config.normalizePath ?? false,
      mergeSlashes: config.mergeSlashes,
      escapedSlashes: config.pathWithEscapedSlashesAction || EscapedSlashes.KEEP_UNCHANGED,
    },
    serverName: byteString(config.serverName) || 'envoy',
    serverHeader: serverHeader(config.serverHeaderTransformation),
    via: byteString(config.via),
    requestTimeoutMs: durationMs(config.requestTimeout, 0),
    // Envoy's default is none, which leaves slow heads (slowloris) to the idle timeout of an hour.
    requestHeadersTimeoutMs: durationMs(config.requestHeadersTimeout, 60_000),
    streamIdleTimeoutMs: durationMs(config.streamIdleTimeout, 300_000),
    idleTimeoutMs: durationMs(common?.idleTimeout, 3_600_000),
    maxConnectionDurationMs: durationMs(common?.maxConnectionDuration, 0),
    maxStreamDurationMs: durationMs(common?.maxStreamDuration, 0),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    drainTimeoutMs: durationMs(config.drainTimeout, 5000),
    delayedCloseMs: durationMs(config.delayedCloseTimeout, 1000),
    alwaysSetRequestIdInResponse: config.alwaysSetRequestIdInResponse,
    stripHostPort:
      config.stripPortMode.case === 'stripAnyHostPort' && config.stripPortMode.value
        ? 'any'
        : config.stripMatchingHostPort
          ? 'matching'
          : 'no',
    stripTrailingHostDot: config.stripTrailingHostDot,
    acceptHttp10: http1?.acceptHttp10 ?? false,
    defaultHostForHttp10: http1?.defaultHostForHttp10 ?? '',
    enableTrailers: http1?.enableTrailers ?? false,
    headerKeyFormat: headerKeyFormat(http1?.headerKeyFormat, `${path}.http_protocol_options.header_key_format`),
    underscores: (['allow', 'reject', 'drop'] as const)[common?.headersWithUnderscoresAction ?? 0],
    upgrades: upgrades(config, path),
    xfcc: config.forwardClientCertDetails,
    xfccDetails: config.setCurrentClientCertDetails,
    caller: config.addUserAgent === true ? { cluster: byteString(node.cluster), node: byteString(node.id) } : undefined,
    streamErrors: http1?.overrideStreamErrorOnInvalidHttpMessage ?? streamErrors ?? false,
    http2: http2Options(
      config.http2ProtocolOptions,
      `${path}.http2_protocol_options`,
      Math.min(bufferLimit, MOST_WAITING),
      streamErrors,
    ),
  }
}

function serverHeader(value: ServerHeader): HttpOptions['serverHeader'] {
  if (value === ServerHeader.APPEND_IF_ABSENT) return 'append'
  return value === ServerHeader.PASS_THROUGH ? 'pass' : 'overwrite'
}

function internalAddresses(config: HttpConnectionManager, path: string): (ip: string) => boolean {
  // Envoy trusts no address until it is told which are its own (explicit_internal_address_config): the private ones, unless it is said.
  const ranges = config.internalAddressConfig?.cidrRanges
  if (ranges === undefined) return () => false
  return ranges.length === 0 ? isInternalAddress : cidrMatch(ranges, `${path}.internal_address_config.cidr_ranges`)
}

function upgrades(config: HttpConnectionManager, path: string): ReadonlyMap<string, boolean> {
  const known = new Map<string, boolean>()
  for (const [i, { upgradeType, enabled = true }] of config.upgradeConfigs.entries()) {
    const name = upgradeType.toLowerCase()
    if (known.has(name)) throw invalid(`${path}.upgrade_configs[${i}]`, `a second one for ${upgradeType}`)
    known.set(name, enabled)
  }
  return known
}
