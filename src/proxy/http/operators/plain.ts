/** Operators without an argument. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import { addressText } from '../address-text.ts'
import { FLAG_NAMES, responseFlagsText, type StreamInfo } from '../stream-info.ts'
import { grpcNumber } from './grpc.ts'
import { type Operator, text } from './operator.ts'
import { TLS_OPERATORS } from './tls.ts'

function since(info: StreamInfo, mono: number): number | undefined {
  return mono === 0 ? undefined : Math.floor(mono - info.startMono)
}

function address(ip: string, port: number): string | undefined {
  return ip === '' ? undefined : addressText(ip, port)
}

/** By name. */
export const PLAIN_OPERATORS: Readonly<Record<string, Operator>> = {
  PROTOCOL: (i) => text(i.protocol),
  RESPONSE_CODE: (i) => i.responseCode,
  RESPONSE_CODE_DETAILS: (i) => text(i.responseCodeDetails),
  RESPONSE_FLAGS: (i) => responseFlagsText(i.responseFlags, undefined, i.protocol !== ''),
  RESPONSE_FLAGS_LONG: (i) => responseFlagsText(i.responseFlags, FLAG_NAMES, i.protocol !== ''),
  TRACE_ID: (i) => text(i.traceId),
  SPAN_ID: (i) => text(i.spanId),
  UNIQUE_ID: () => randomUUID(),
  ACCESS_LOG_TYPE: (i) => i.logType,
  CONNECTION_TERMINATION_DETAILS: (i) => text(i.connection.terminationDetails),
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
    i.upstreamConnection?.carriesHttp !== true ? undefined : i.upstreamHost?.cluster.protocol || i.protocol,
  UPSTREAM_HOST: (i) => text(i.upstreamHost?.address),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (i) => text(i.upstreamHost?.hostname.replace(/:\d+$/, '') || i.upstreamHost?.ip),
  UPSTREAM_HOST_NAME: (i) => text(i.upstreamHost?.hostname || i.upstreamHost?.address),
  UPSTREAM_REMOTE_ADDRESS: (i) => i.upstreamConnection && text(i.upstreamHost?.address),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (i) => i.upstreamConnection && text(i.upstreamHost?.ip),
  UPSTREAM_REMOTE_PORT: (i) => i.upstreamConnection && i.upstreamHost?.port,
  UPSTREAM_LOCAL_ADDRESS: (i) => text(i.upstreamConnection?.localAddress),
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (i) => i.upstreamConnection && text(host(i.upstreamConnection.localAddress)),
  UPSTREAM_LOCAL_PORT: (i) => i.upstreamConnection && port(i.upstreamConnection.localAddress),
  UPSTREAM_CONNECTION_ID: (i) => i.upstreamConnection?.id ?? 0,
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
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: (i) => address(i.connection.directLocalAddress, i.connection.directLocalPort),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: (i) => text(i.connection.directLocalAddress),
  DOWNSTREAM_DIRECT_LOCAL_PORT: (i) => i.connection.directLocalPort,
  DOWNSTREAM_LOCAL_ADDRESS: (i) => address(i.connection.localAddress, i.connection.localPort),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (i) => text(i.connection.localAddress),
  DOWNSTREAM_LOCAL_PORT: (i) => i.connection.localPort,
  HOSTNAME: () => text(hostname()),
  GRPC_STATUS_NUMBER: grpcNumber,
  ...TLS_OPERATORS,
}

/** Of `ip:port`; an internal listener's has no port. */
function host(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}

function port(address: string): number | undefined {
  const digits = /:(\d+)$/.exec(address)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
