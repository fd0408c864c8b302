/**
 * Envoy's command operators (`%RESPONSE_CODE%`), compiled once per format. What they write is a string of bytes, as header values are:
 * text of the configuration, of metadata and of certificates is in UTF-8 there.
 */

import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { JsonValue } from '@bufbuild/protobuf'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { doubleText } from '../../base/number-text.ts'
import { valueAt } from '../../base/value-at.ts'
import { invalid } from '../config/fields.ts'
import type { CertificateInfo } from '../network/connection-info.ts'
import { isGrpc, printableQueryParameters } from '../route/route-match.ts'
import { addressText } from './address-text.ts'
import { formatTime } from './format-time.ts'
import { grpcFromHttp } from './grpc-from-http.ts'
import { FLAG_NAMES, responseFlagsText, type StreamInfo } from './stream-info.ts'

/** A value of an operator; `undefined` prints as `-` (or '' with omit_empty_values), and null in JSON. */
export interface Operator {
  (info: StreamInfo): string | number | undefined
  /** The value as JSON, where that is more than a string or number. */
  readonly json?: (info: StreamInfo, max?: number) => string | undefined
}

export type TextFormat = (info: StreamInfo) => string

/** What a value is bound to besides the stream. */
export interface FormatContext {
  /** `%LOCAL_REPLY_BODY%` */
  readonly localReplyBody?: () => string
}

/** Compiles a text format. */
export function textFormat(format: string, path: string, omitEmpty = false, context: FormatContext = {}): TextFormat {
  return joined(parseFormat(format, path, context), omitEmpty)
}

/** The text of its parts, one behind the other. */
export function joined(parts: readonly (string | Operator)[], omitEmpty: boolean): TextFormat {
  const missing = omitEmpty ? '' : '-'
  return (info) => {
    let text = ''
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]
      text += typeof part === 'string' ? part : (part(info) ?? missing)
    }
    return text
  }
}

/** The operators whose length can be bounded; to Envoy it is an error of the others. */
const LENGTHS = new Set([
  'REQ',
  'REQUEST_HEADER',
  'RESP',
  'RESPONSE_HEADER',
  'TRAILER',
  'RESPONSE_TRAILER',
  'REQ_WITHOUT_QUERY',
  'DYNAMIC_METADATA',
  'METADATA',
  'FILTER_STATE',
  'QUERY_PARAM',
  'PATH',
  'ENVIRONMENT',
])

const COMMAND = /%(?:%|([A-Z0-9_]+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?::(\d+))?%)/g

/** Literals, and operators with what bounds their length. */
export function parseFormat(format: string, path: string, context: FormatContext): (string | Operator)[] {
  const parts: (string | Operator)[] = []
  let at = 0
  const literal = (text: string) => {
    if (text.includes('%')) throw invalid(path, `unfinished operator in «${text}»`)
    if (text !== '') parts.push(byteString(text))
  }
  for (const match of format.matchAll(COMMAND)) {
    literal(format.slice(at, match.index))
    at = match.index + match[0].length
    const [, name, argument, limit] = match
    if (name === undefined) parts.push('%')
    else {
      if (limit !== undefined && !LENGTHS.has(name)) throw invalid(path, `%${name}% takes no length`)
      // As in Envoy: `()` says nothing.
      parts.push(limited(operator(name, argument || undefined, path, context), limit))
    }
  }
  literal(format.slice(at))
  return parts
}

function limited(op: Operator, limit: string | undefined): Operator {
  if (limit === undefined) return op
  const max = Number(limit)
  const cut: Operator = (info) => {
    const value = op(info)
    return value === undefined ? undefined : String(value).slice(0, max)
  }
  // In JSON only what is a string has a length.
  return op.json === undefined ? cut : Object.assign(cut, { json: (info: StreamInfo) => op.json?.(info, max) })
}

function since(info: StreamInfo, mono: number): number | undefined {
  return mono === 0 ? undefined : Math.floor(mono - info.startMono)
}

function address(ip: string, port: number): string | undefined {
  return ip === '' ? undefined : addressText(ip, port)
}

/** Of what is text and not bytes. */
function text(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : byteString(value)
}

const SIMPLE: Readonly<Record<string, Operator>> = {
  PROTOCOL: (i) => i.protocol,
  RESPONSE_CODE: (i) => i.responseCode,
  RESPONSE_CODE_DETAILS: (i) => text(i.responseCodeDetails),
  RESPONSE_FLAGS: (i) => responseFlagsText(i.responseFlags),
  RESPONSE_FLAGS_LONG: (i) => responseFlagsText(i.responseFlags, FLAG_NAMES),
  TRACE_ID: (i) => text(i.traceId),
  CONNECTION_TERMINATION_DETAILS: (i) => text(i.connectionTerminationDetails || i.connection.terminationDetails),
  BYTES_RECEIVED: (i) => i.bytesReceived,
  BYTES_SENT: (i) => i.bytesSent,
  REQUEST_HEADERS_BYTES: (i) => i.requestHeaders?.byteSize ?? 0,
  RESPONSE_HEADERS_BYTES: (i) => i.responseHeaders?.byteSize ?? 0,
  RESPONSE_TRAILERS_BYTES: (i) => i.responseTrailers?.byteSize ?? 0,
  DURATION: (i) => since(i, i.endMono === 0 ? performance.now() : i.endMono),
  REQUEST_DURATION: (i) => since(i, i.requestCompleteMono),
  REQUEST_TX_DURATION: (i) => since(i, i.lastUpstreamTxMono),
  RESPONSE_DURATION: (i) => since(i, i.firstUpstreamRxMono),
  RESPONSE_TX_DURATION: (i) =>
    i.firstUpstreamRxMono === 0 || i.lastDownstreamTxMono === 0
      ? undefined
      : Math.floor(i.lastDownstreamTxMono - i.firstUpstreamRxMono),
  UPSTREAM_CLUSTER: (i) => text(i.upstreamCluster),
  UPSTREAM_CLUSTER_RAW: (i) => text(i.upstreamCluster),
  UPSTREAM_PROTOCOL: (i) =>
    i.upstreamLocalAddress === '' ? undefined : i.upstreamHost?.cluster.protocol || i.protocol,
  UPSTREAM_HOST: (i) => text(i.upstreamHost?.address),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (i) => text(i.upstreamHost?.hostname.replace(/:\d+$/, '') || i.upstreamHost?.ip),
  UPSTREAM_HOST_NAME: (i) => text(i.upstreamHost?.hostname || i.upstreamHost?.address),
  UPSTREAM_REMOTE_ADDRESS: (i) => text(i.upstreamHost?.address),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (i) => text(i.upstreamHost?.ip),
  UPSTREAM_REMOTE_PORT: (i) => i.upstreamHost?.port,
  UPSTREAM_LOCAL_ADDRESS: (i) => text(i.upstreamLocalAddress),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (i) => i.attemptCount,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (i) => text(i.upstreamTransportFailureReason.replaceAll(' ', '_')),
  ROUTE_NAME: (i) => text(i.route?.name),
  VIRTUAL_CLUSTER_NAME: (i) => text(i.virtualClusterName),
  FILTER_CHAIN_NAME: (i) => text(i.filterChainName),
  CONNECTION_ID: (i) => i.connection.id,
  STREAM_ID: (i) => i.requestId || undefined,
  REQUESTED_SERVER_NAME: (i) => i.connection.requestedServerName || undefined,
  DOWNSTREAM_REMOTE_ADDRESS: (i) => address(i.remoteAddress, i.remotePort),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (i) => text(i.remoteAddress),
  DOWNSTREAM_REMOTE_PORT: (i) => i.remotePort,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (i) => address(i.connection.directRemoteAddress, i.connection.directRemotePort),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (i) => text(i.connection.directRemoteAddress),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (i) => i.connection.directRemotePort,
  DOWNSTREAM_LOCAL_ADDRESS: (i) => address(i.connection.localAddress, i.connection.localPort),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (i) => text(i.connection.localAddress),
  DOWNSTREAM_LOCAL_PORT: (i) => i.connection.localPort,
  DOWNSTREAM_TLS_VERSION: (i) => i.connection.tls?.version,
  DOWNSTREAM_TLS_CIPHER: (i) => i.connection.tls?.cipher,
  DOWNSTREAM_TLS_SESSION_ID: (i) => text(i.connection.tls?.sessionId),
  DOWNSTREAM_PEER_SUBJECT: peer((c) => c.subject),
  DOWNSTREAM_PEER_ISSUER: peer((c) => c.issuer),
  DOWNSTREAM_PEER_URI_SAN: peer((c) => c.uriSans.join(',')),
  DOWNSTREAM_PEER_DNS_SAN: peer((c) => c.dnsSans.join(',')),
  DOWNSTREAM_PEER_SERIAL: peer((c) => c.serial),
  DOWNSTREAM_PEER_FINGERPRINT_256: peer((c) => c.sha256),
  DOWNSTREAM_PEER_CERT: peer((c) => encodeURIComponent(c.pem)),
  DOWNSTREAM_LOCAL_SUBJECT: (i) => text(i.connection.tls?.local?.subject),
  DOWNSTREAM_LOCAL_URI_SAN: (i) => text(i.connection.tls?.local?.uriSans.join(',')),
  DOWNSTREAM_LOCAL_DNS_SAN: (i) => text(i.connection.tls?.local?.dnsSans.join(',')),
  HOSTNAME: () => text(hostname()),
  GRPC_STATUS_NUMBER: grpcNumber,
}

function peer(read: (certificate: CertificateInfo) => string): Operator {
  return (info) => (info.connection.tls?.peer === undefined ? undefined : text(read(info.connection.tls.peer)))
}

export function grpcStatus(info: StreamInfo): string | undefined {
  return info.responseTrailers?.get('grpc-status') ?? info.responseHeaders?.get('grpc-status')
}

const GRPC_NAMES: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]

/** `CAMEL_STRING`, `SNAKE_STRING` or `NUMBER`. */
function grpcOperator(format: string, path: string): Operator {
  if (format === 'NUMBER') return grpcNumber
  if (format !== 'CAMEL_STRING' && format !== 'SNAKE_STRING')
    throw invalid(path, `${format} is none of CAMEL_STRING, SNAKE_STRING and NUMBER`)
  const names = format === 'CAMEL_STRING' ? GRPC_NAMES : GRPC_NAMES.map(snake)
  return (info) => {
    const status = grpcNumber(info)
    return status === undefined ? undefined : (names[status] ?? String(status))
  }
}

function snake(name: string): string {
  return name.replace(/\B[A-Z]/g, (letter) => (name === 'OK' ? letter : `_${letter}`)).toUpperCase()
}

/** Of a gRPC request only, as in Envoy. */
function grpcNumber(info: StreamInfo): number | undefined {
  if (info.requestHeaders === undefined || !isGrpc(info.requestHeaders)) return undefined
  const status = grpcStatus(info)
  if (status === undefined) return info.responseCode === 0 ? undefined : grpcFromHttp(info.responseCode)
  return /^\d+$/.test(status) ? Number(status) : -1
}

function operator(name: string, argument: string | undefined, path: string, context: FormatContext): Operator {
  const simple = SIMPLE[name]
  if (simple !== undefined && argument === undefined) return simple
  switch (name) {
    case 'START_TIME': {
      const format = byteString(argument ?? '')
      return (i) => formatTime(i.startTime, format)
    }
    case 'EMIT_TIME': {
      const format = byteString(argument ?? '')
      return () => formatTime(Date.now(), format)
    }
    case 'REQ':
    case 'REQUEST_HEADER':
      return headerOperator(argument, path, (i) => i.requestHeaders)
    case 'REQ_WITHOUT_QUERY': {
      const header = headerOperator(argument, path, (i) => i.requestHeaders)
      return (i) => withoutQuery(header(i))
    }
    case 'PATH':
      return pathOperator(argument ?? '', path)
    case 'QUERY_PARAM': {
      if (!argument) throw invalid(path, 'a query parameter without a name')
      const name = byteString(argument)
      return (i) => printableQueryParameters(i.requestHeaders?.get(':path') ?? '').get(name)
    }
    case 'RESP':
    case 'RESPONSE_HEADER':
      return headerOperator(argument, path, (i) => i.responseHeaders)
    case 'TRAILER':
    case 'RESPONSE_TRAILER':
      return headerOperator(argument, path, (i) => i.responseTrailers)
    case 'GRPC_STATUS':
      return grpcOperator(argument ?? 'CAMEL_STRING', path)
    case 'DYNAMIC_METADATA':
      return metadataOperator(argument, path, (i, keys) => valueAt(i.dynamicMetadata?.get(keys[0]), keys.slice(1)))
    case 'CLUSTER_METADATA':
      return metadataOperator(argument, path, (i, keys) => valueAt(i.upstreamHost?.cluster.metadata, keys))
    case 'UPSTREAM_METADATA':
      return metadataOperator(argument, path, (i, keys) => valueAt(i.upstreamHost?.metadata, keys))
    case 'METADATA': {
      const [kind, ...rest] = (argument ?? '').split(':')
      const name = { DYNAMIC: 'DYNAMIC_METADATA', CLUSTER: 'CLUSTER_METADATA', UPSTREAM_HOST: 'UPSTREAM_METADATA' }[
        kind
      ]
      if (name !== undefined) return operator(name, rest.join(':'), path, context)
      if (kind === 'VIRTUAL_HOST')
        return metadataOperator(rest.join(':'), path, (i, keys) => valueAt(i.route?.virtualHostMetadata, keys))
      if (kind === 'ROUTE') return metadataOperator(rest.join(':'), path, (i, keys) => valueAt(i.route?.metadata, keys))
      break
    }
    case 'FILTER_STATE': {
      const [key, kind = 'TYPED'] = (argument ?? '').split(':')
      if (key === '') throw invalid(path, 'a filter state without a key')
      if (kind !== 'PLAIN' && kind !== 'TYPED')
        throw invalid(path, `${kind} of a filter state is neither PLAIN nor TYPED`)
      return (i) => i.filterState?.get(key)?.latin1Slice()
    }
    case 'DOWNSTREAM_PEER_CERT_V_START':
      return peer((c) => formatTime(Date.parse(c.validFrom), argument ?? ''))
    case 'DOWNSTREAM_PEER_CERT_V_END':
      return peer((c) => formatTime(Date.parse(c.validTo), argument ?? ''))
    case 'ENVIRONMENT': {
      if (argument === undefined) throw invalid(path, 'an environment variable without a name')
      const value = process.env[argument]
      // As Envoy: one that is not set is a dash, also where empty values are left out.
      const bytes = value === undefined ? '-' : byteString(value)
      return () => bytes
    }
    case 'LOCAL_REPLY_BODY': {
      if (argument !== undefined) break
      const body = context.localReplyBody
      return body ?? (() => '')
    }
  }
  throw invalid(path, `operator %${name}${argument === undefined ? '' : `(${argument})`}% is not supported`)
}

function headerOperator(
  argument: string | undefined,
  path: string,
  map: (info: StreamInfo) => StreamInfo['requestHeaders'],
): Operator {
  // The host has one place, whatever it came as.
  const [first, second, third] = (argument ?? '')
    .toLowerCase()
    .split('?')
    .map((name) => (name === 'host' ? ':authority' : name))
  if (first === '') throw invalid(path, 'a header operator without a name')
  if (third !== undefined) throw invalid(path, `«${argument}» has more than one alternative`)
  for (const name of [first, second ?? '']) {
    if (!/^:?[\w!#$%&'*+.^`|~-]*$/.test(name)) throw invalid(path, `«${name}» is no name of a header`)
  }
  return (info) => {
    const headers = map(info)
    if (headers === undefined) return undefined
    // The first of several values, as in Envoy.
    return value(headers, first) ?? (second === undefined ? undefined : value(headers, second))
  }
}

/** What a request that could not be read, or CONNECT, does not say of itself is no value. */
function value(headers: HeaderMap, name: string): string | undefined {
  const found = headers.get(name)
  return found === '' && name.charCodeAt(0) === 58 ? undefined : found
}

/** `%PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)%` */
function pathOperator(argument: string, path: string): Operator {
  const [query = '', which = ''] = argument.split(':')
  if (!['', 'WQ', 'NQ'].includes(query)) throw invalid(path, `${query} is neither WQ nor NQ`)
  if (!['', 'ORIG', 'PATH', 'ORIG_OR_PATH'].includes(which))
    throw invalid(path, `${which} is none of ORIG, PATH and ORIG_OR_PATH`)
  return ({ requestHeaders: headers }) => {
    const original = which === 'PATH' ? undefined : headers?.get('x-envoy-original-path')
    const path = original ?? (which === 'ORIG' || headers === undefined ? undefined : value(headers, ':path'))
    return query === 'NQ' ? withoutQuery(path) : path
  }
}

function withoutQuery(value: string | number | undefined): string | undefined {
  return typeof value === 'string' ? value.replace(/\?.*/, '') : undefined
}

function metadataOperator(
  argument: string | undefined,
  path: string,
  find: (info: StreamInfo, keys: readonly string[]) => unknown,
): Operator {
  const keys = (argument ?? '').split(':')
  if (keys[0] === '') throw invalid(path, 'a metadata operator without a namespace')
  const found = (info: StreamInfo) => find(info, keys) as JsonValue | undefined
  return Object.assign(
    (info: StreamInfo) => {
      const value = found(info)
      if (value === undefined || value === null) return undefined
      return byteString(typeof value === 'string' ? value : valueText(value))
    },
    {
      json: (info: StreamInfo, max?: number) => {
        const value = found(info)
        if (value === undefined || value === null) return undefined
        return byteString(valueText(typeof value === 'string' ? value.slice(0, max) : value))
      },
    },
  )
}

/** JSON as Envoy writes it: fields are sorted, numbers are protobuf's. */
export function valueText(value: JsonValue): string {
  if (typeof value === 'number') return doubleText(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`
  return `{${Object.entries(value)
    .sort(([a], [b]) => (byteString(a) < byteString(b) ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${valueText(item)}`)
    .join(',')}}`
}
