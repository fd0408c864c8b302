/** Which HTTP a cluster speaks, by its old fields or by `typed_extension_protocol_options`. */
import {
  type Cluster as ClusterProto,
  Cluster_ClusterProtocolSelection as Selection,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import {
  type HttpProtocolOptions as CommonHttpOptions,
  HttpProtocolOptionsSchema as CommonHttpOptionsSchema,
  type Http1ProtocolOptions,
  Http1ProtocolOptionsSchema,
  type Http2ProtocolOptions,
} from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import {
  HttpProtocolOptions_ExplicitHttpConfigSchema,
  HttpProtocolOptions_UseDownstreamHttpConfigSchema,
  HttpProtocolOptionsSchema,
} from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { unpackAs } from '../config/any.ts'
import { onlyFields, unsupported } from '../config/fields.ts'
import { type HeaderKeyFormat, headerKeyFormat } from '../http1/header-key-format.ts'
import { type AutoNames, autoNames } from './auto-names.ts'

/** What a cluster says of its HTTP. */
interface HttpProtocol {
  idleTimeout: ClusterProto['connectTimeout']
  maxDuration: ClusterProto['connectTimeout']
  maxRequests: number
  maxHeadersCount: number | undefined
  /** Of HTTP/1.1. */
  enableTrailers: boolean
  headerKeyFormat: HeaderKeyFormat | undefined
  http2: Http2ProtocolOptions | undefined
  /** As the client of each request does. */
  useDownstream: boolean
  autoNames: AutoNames | undefined
}

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Reads both forms; throws where something is wrong or not supported. */
export function httpProtocol(proto: ClusterProto, path: string): HttpProtocol {
  const part: HttpProtocol = {
    idleTimeout: undefined,
    maxDuration: undefined,
    maxRequests: proto.maxRequestsPerConnection ?? 0,
    maxHeadersCount: undefined,
    enableTrailers: false,
    headerKeyFormat: undefined,
    http2: proto.http2ProtocolOptions,
    useDownstream: proto.protocolSelection === Selection.USE_DOWNSTREAM_PROTOCOL,
    autoNames: undefined,
  }
  takeCommon(proto.commonHttpProtocolOptions, part, `${path}.common_http_protocol_options`)
  takeHttp1(proto.httpProtocolOptions, part, `${path}.http_protocol_options`)
  for (const [name, any] of Object.entries(proto.typedExtensionProtocolOptions)) {
    const where = `${path}.typed_extension_protocol_options["${name}"]`
    if (name !== HTTP_OPTIONS) throw unsupported(where, 'protocol options')
    const options = unpackAs(any, HttpProtocolOptionsSchema, where)
    onlyFields(
      HttpProtocolOptionsSchema,
      options,
      [
        'common_http_protocol_options',
        'explicit_http_config',
        'use_downstream_protocol_config',
        'upstream_http_protocol_options',
      ],
      where,
    )
    part.autoNames = autoNames(options.upstreamHttpProtocolOptions, `${where}.upstream_http_protocol_options`)
    takeCommon(options.commonHttpProtocolOptions, part, `${where}.common_http_protocol_options`)
    const choice = options.upstreamProtocolOptions
    if (choice.case === 'explicitHttpConfig') {
      const at = `${where}.explicit_http_config`
      const fields = ['http_protocol_options', 'http2_protocol_options']
      onlyFields(HttpProtocolOptions_ExplicitHttpConfigSchema, choice.value, fields, at)
      const protocol = choice.value.protocolConfig
      if (protocol.case === 'http2ProtocolOptions') part.http2 = protocol.value
      if (protocol.case === 'httpProtocolOptions') takeHttp1(protocol.value, part, `${at}.http_protocol_options`)
    } else if (choice.case === 'useDownstreamProtocolConfig') {
      const at = `${where}.use_downstream_protocol_config`
      const fields = ['http_protocol_options', 'http2_protocol_options']
      onlyFields(HttpProtocolOptions_UseDownstreamHttpConfigSchema, choice.value, fields, at)
      takeHttp1(choice.value.httpProtocolOptions, part, `${at}.http_protocol_options`)
      part.useDownstream = true
      part.http2 = choice.value.http2ProtocolOptions
    }
  }
  return part
}

function takeCommon(common: CommonHttpOptions | undefined, part: HttpProtocol, path: string): void {
  if (common === undefined) return
  const fields = ['idle_timeout', 'max_connection_duration', 'max_requests_per_connection', 'max_headers_count']
  onlyFields(CommonHttpOptionsSchema, common, fields, path)
  part.idleTimeout = common.idleTimeout ?? part.idleTimeout
  part.maxDuration = common.maxConnectionDuration ?? part.maxDuration
  part.maxRequests = common.maxRequestsPerConnection ?? part.maxRequests
  part.maxHeadersCount = common.maxHeadersCount ?? part.maxHeadersCount
}

/** The others that are let pass are for servers, in Envoy too. */
function takeHttp1(options: Http1ProtocolOptions | undefined, part: HttpProtocol, path: string): void {
  if (options === undefined) return
  const fields = [
    'enable_trailers',
    'allow_absolute_url',
    'accept_http_10',
    'default_host_for_http_10',
    'header_key_format',
  ]
  onlyFields(Http1ProtocolOptionsSchema, options, fields, path)
  part.enableTrailers = options.enableTrailers
  part.headerKeyFormat = headerKeyFormat(options.headerKeyFormat, `${path}.header_key_format`)
}
