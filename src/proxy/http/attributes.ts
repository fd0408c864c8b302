import { create, type JsonObject } from '@bufbuild/protobuf'
import { LocalitySchema, MetadataSchema, type Node, NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { type AttributeValue, Proto, Struct } from '../../wasm/index.ts'
import { type FactoryContext, NO_LISTENER } from '../context.ts'
import type { CertificateInfo, ConnectionInfo } from '../network/connection-info.ts'
import { grpcFromHttp } from './grpc-from-http.ts'
import type { StreamInfo } from './stream-info.ts'

/** Nanoseconds between two points of the monotonic clock, or nothing while the later has not happened. */
function nanos(from: number, to: number): number | undefined {
  return to === 0 || from === 0 ? undefined : Math.round((to - from) * 1e6)
}

/** Attributes of a stream that do not follow from its headers (Envoy's attribute reference). */
export function streamAttribute(info: StreamInfo, group: string, name: string): AttributeValue | undefined {
  switch (group) {
    case 'request':
      return requestAttribute(info, name)
    case 'response':
      return responseAttribute(info, name)
    case 'upstream':
      return upstreamAttribute(info, name)
    case 'metadata':
      return metadataAttribute(info.dynamicMetadata, name)
    case 'filter_state': {
      const value = info.filterState?.get(name)
      return value
    }
    case 'xds':
      return routeAttribute(info, name)
    default:
      return connectionAttribute(info.connection, group, name)
  }
}

function requestAttribute(info: StreamInfo, name: string): AttributeValue | undefined {
  switch (name) {
    case 'time':
      return BigInt(Math.round(info.startTime * 1e6))
    case 'protocol':
      return info.protocol === '' ? undefined : info.protocol
    case 'duration':
      return nanos(info.startMono, info.endMono)
    case 'size': {
      const length = info.requestHeaders?.get('content-length')
      return length !== undefined && /^\d+$/.test(length) ? Number(length) : info.bytesReceived
    }
    case 'total_size':
      return info.bytesReceived + (info.requestHeaders?.byteSize ?? 0) + (info.requestTrailers?.byteSize ?? 0)
    case 'headers_bytes':
      return info.requestHeaders?.byteSize
    case 'id':
      return info.requestId === '' ? undefined : info.requestId
    default:
      return undefined
  }
}

function responseAttribute(info: StreamInfo, name: string): AttributeValue | undefined {
  switch (name) {
    case 'code':
      return responseCode(info)
    case 'code_details':
      return info.responseCodeDetails === '' ? undefined : info.responseCodeDetails
    case 'grpc_status': {
      const code = responseCode(info)
      return code === undefined ? undefined : grpcFromHttp(code)
    }
    case 'flags':
      return info.responseFlags
    case 'size':
      return info.bytesSent
    case 'total_size':
      return info.bytesSent + (info.responseHeaders?.byteSize ?? 0) + (info.responseTrailers?.byteSize ?? 0)
    case 'headers_bytes':
      return info.responseHeaders?.byteSize
    case 'backend_latency':
      return nanos(info.firstUpstreamTxMono, info.lastUpstreamRxMono)
    default:
      return undefined
  }
}

/** Known as soon as there are response headers, also before they have passed all filters. */
function responseCode(info: StreamInfo): number | undefined {
  if (info.responseCode !== 0) return info.responseCode
  const status = info.responseHeaders?.get(':status')
  return status === undefined ? undefined : Number(status)
}

function upstreamAttribute(info: StreamInfo, name: string): AttributeValue | undefined {
  const host = info.upstreamHost
  switch (name) {
    case 'address':
      // A pipe has no port.
      return host?.port === 0 ? host.ip : host?.address
    case 'port':
      return host?.port
    case 'local_address':
      return info.upstreamConnection?.localAddress || undefined
    case 'transport_failure_reason':
      return host === undefined && info.upstreamTransportFailureReason === ''
        ? undefined
        : byteString(info.upstreamTransportFailureReason)
    case 'request_attempt_count':
      return info.attemptCount
    case 'locality':
      return host === undefined ? undefined : new Proto(LocalitySchema, create(LocalitySchema, host.locality))
    default:
      return undefined
  }
}

/** `metadata.filter_metadata.<namespace>.<key>`, as the fields of core.v3.Metadata; filters write no typed ones. */
export function metadataAttribute(
  all: ReadonlyMap<string, Record<string, unknown>> | undefined,
  name: string,
): AttributeValue | undefined {
  if (name === 'filter_metadata') return new Struct(Object.fromEntries(all ?? []) as Struct['fields'])
  return name === 'typed_filter_metadata' ? new Struct({}) : undefined
}

function routeAttribute(info: StreamInfo, name: string): AttributeValue | undefined {
  const { route, upstreamHost } = info
  switch (name) {
    case 'route_name':
      return route === undefined ? undefined : byteString(route.name)
    case 'route_metadata':
      return route === undefined ? undefined : metadata(route.metadata)
    case 'virtual_host_name':
      return route === undefined ? undefined : byteString(route.virtualHostName)
    case 'virtual_host_metadata':
      return route === undefined ? undefined : metadata(route.virtualHostMetadata)
    case 'cluster_name':
      return clusterName(info)
    case 'cluster_metadata':
      return upstreamHost === undefined ? undefined : metadata(upstreamHost.cluster.metadata)
    case 'upstream_host_metadata':
      return upstreamHost === undefined ? undefined : metadata(upstreamHost.metadata)
    case 'upstream_host_locality_metadata':
      return undefined
    case 'filter_chain_name':
      return byteString(info.filterChainName)
    default:
      return undefined
  }
}

function clusterName(info: StreamInfo): string | undefined {
  const name = info.upstreamCluster || info.routeCluster
  return name === '' ? undefined : byteString(name)
}

/** What is known of a connection: also the attributes of network plugins. */
export function connectionAttribute(info: ConnectionInfo, group: string, name: string): AttributeValue | undefined {
  switch (group) {
    case 'source':
      if (name === 'address') return `${info.remoteAddress}:${info.remotePort}`
      return name === 'port' ? info.remotePort : undefined
    case 'destination':
      if (name === 'address') return `${info.localAddress}:${info.localPort}`
      return name === 'port' ? info.localPort : undefined
    case 'connection':
      return ofConnection(info, name)
    default:
      return undefined
  }
}

function ofConnection(info: ConnectionInfo, name: string): AttributeValue | undefined {
  const { tls } = info
  switch (name) {
    case 'id':
      return info.id
    case 'mtls':
      return tls?.mtls ?? false
    case 'requested_server_name':
      return byteString(info.requestedServerName)
    case 'termination_details':
      return info.terminationDetails === '' ? undefined : byteString(info.terminationDetails)
    case 'tls_version':
      return tls?.version
    default:
      return certificate(tls?.peer, 'peer', name) ?? certificate(tls?.local, 'local', name)
  }
}

function certificate(
  info: CertificateInfo | undefined,
  side: 'peer' | 'local',
  name: string,
): AttributeValue | undefined {
  if (info === undefined) return undefined
  switch (name) {
    case `subject_${side}_certificate`:
      return byteString(info.subject)
    case `dns_san_${side}_certificate`:
      return first(info.dnsSans)
    case `uri_san_${side}_certificate`:
      return first(info.uriSans)
    case 'sha256_peer_certificate_digest':
      return side === 'peer' ? info.sha256 : undefined
    case 'peer_certificate':
      return side === 'peer' ? info.pem : undefined
    default:
      return undefined
  }
}

function first(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : byteString(names[0])
}

/** Where something stands that reads attributes. */
export type AttributePlace = Pick<FactoryContext, 'node' | 'listener'>

/** Attributes that hold for all streams of a listener. */
export function listenerAttributes(
  context: AttributePlace,
): (group: string, name: string) => AttributeValue | undefined {
  const node = new Proto(NodeSchema, context.node as Node)
  const { direction, metadata: listenerMetadata } = context.listener
  return (group, name) => {
    if (group !== 'xds') return undefined
    if (name === 'node') return node
    if (context.listener === NO_LISTENER) return undefined
    if (name === 'listener_direction') return direction
    return name === 'listener_metadata' ? metadata(listenerMetadata) : undefined
  }
}

/** core.v3.Metadata again, from its JSON by namespace. */
function metadata(byNamespace: Readonly<Record<string, unknown>>): Proto {
  const filterMetadata = byNamespace as Record<string, JsonObject>
  return new Proto(MetadataSchema, create(MetadataSchema, { filterMetadata }))
}

/** What filters have said of a stream, as a message. */
export function dynamicMetadata(info: StreamInfo | undefined): Proto {
  return metadata(Object.fromEntries(info?.dynamicMetadata ?? []))
}
