import {
  type Cluster_TransportSocketMatch,
  Cluster_TransportSocketMatchSchema,
  type Cluster as ClusterProto,
  type UpstreamConnectionOptions,
  UpstreamConnectionOptionsSchema,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { TransportSocket } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import {
  type InternalUpstreamTransport,
  InternalUpstreamTransportSchema,
} from '../../../gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.ts'
import {
  type ProxyProtocolUpstreamTransport,
  ProxyProtocolUpstreamTransportSchema,
} from '../../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { RawBufferSchema } from '../../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import {
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { LoadedCertificates } from '../tls/loaded-certificates.ts'
import type { SecretSource } from '../tls/secrets.ts'
import type { AutoNames } from './auto-names.ts'
import { type ProxyHeaderWriter, proxyHeaderWriter } from './proxy-protocol.ts'
import { compileUpstreamTls, type UpstreamTls } from './upstream-tls.ts'

/** How the endpoints of a cluster are spoken to: in plain, by TLS, with PROXY protocol in front; and which endpoint how. */
export interface Transport {
  readonly tls: UpstreamTls | undefined
  /** Writes PROXY protocol's header in front of each connection. */
  readonly proxyHeader: ProxyHeaderWriter | undefined
  /** TCP keepalive after this time without data (0: the system's); undefined: none. */
  readonly keepAliveMs: number | undefined
}

interface Parsed {
  readonly tls: UpstreamTlsContext | undefined
  readonly proxyHeader: ProxyHeaderWriter | undefined
}

function parse(socket: TransportSocket | undefined, path: string): Parsed {
  if (socket === undefined) return { tls: undefined, proxyHeader: undefined }
  const where = `${path}.typed_config`
  const { typeName, message } = unpack(socket.configType.value, where)
  switch (typeName) {
    case RawBufferSchema.typeName:
      return { tls: undefined, proxyHeader: undefined }
    case UpstreamTlsContextSchema.typeName:
      return { tls: message as UpstreamTlsContext, proxyHeader: undefined }
    case ProxyProtocolUpstreamTransportSchema.typeName: {
      const transport = message as ProxyProtocolUpstreamTransport
      const inner = parse(transport.transportSocket, `${where}.transport_socket`)
      if (inner.proxyHeader !== undefined) throw invalid(`${where}.transport_socket`, 'PROXY protocol within itself')
      return { ...inner, proxyHeader: proxyHeaderWriter(transport, where) }
    }
    case InternalUpstreamTransportSchema.typeName: {
      const transport = message as InternalUpstreamTransport
      onlyFields(InternalUpstreamTransportSchema, transport, ['transport_socket'], where)
      if (transport.transportSocket === undefined) throw invalid(`${where}.transport_socket`, 'is missing')
      return parse(transport.transportSocket, `${where}.transport_socket`)
    }
    default:
      throw unsupported(where, `transport socket ${typeName}`)
  }
}

/** The TLS contexts of a cluster with their paths, wherever they stand: their secrets have to be asked for. */
export function tlsContexts(cluster: ClusterProto): (readonly [UpstreamTlsContext, string])[] {
  const path = `cluster "${cluster.name}"`
  const sockets = cluster.transportSocketMatches.map(
    ({ transportSocket }, i) => [transportSocket, `${path}.transport_socket_matches[${i}].transport_socket`] as const,
  )
  return [[cluster.transportSocket, `${path}.transport_socket`] as const, ...sockets].flatMap(([socket, where]) => {
    const { tls } = parse(socket, where)
    return tls === undefined ? [] : [[tls, where] as const]
  })
}

/** Namespace of the endpoint metadata that chooses a transport socket. */
const MATCH_METADATA = 'envoy.transport_socket_match'

interface Match {
  readonly criteria: readonly (readonly [string, string])[]
  readonly transport: Transport
}

/** The transports of a cluster. */
export class Transports {
  readonly #matches: readonly Match[]
  readonly #default: Transport

  /** `scope` ends in `cluster.<name>.` */
  constructor(
    cluster: ClusterProto,
    http2: boolean,
    secrets: SecretSource,
    path: string,
    scope: StatsScope,
    auto?: AutoNames,
  ) {
    const keepAliveMs = keepAlive(cluster.upstreamConnectionOptions, `${path}.upstream_connection_options`)
    const compile = (socket: TransportSocket | undefined, where: string): Transport => {
      const { tls, proxyHeader } = parse(socket, where)
      return { tls: tls && compileUpstreamTls(tls, http2, secrets, where, scope, auto), proxyHeader, keepAliveMs }
    }
    this.#default = compile(cluster.transportSocket, `${path}.transport_socket`)
    this.#matches = cluster.transportSocketMatches.map((match, i) => {
      const where = `${path}.transport_socket_matches[${i}]`
      return {
        criteria: criteria(match, where),
        transport: compile(match.transportSocket, `${where}.transport_socket`),
      }
    })
  }

  /** Of each TLS context. */
  get certificates(): LoadedCertificates[] {
    const all = [this.#default, ...this.#matches.map(({ transport }) => transport)]
    return all.flatMap(({ tls }) => tls?.loaded ?? [])
  }

  /** For an endpoint with this metadata: the first match of which every criterion is met, else the cluster's own. */
  of(metadata: Readonly<Record<string, unknown>>): Transport {
    if (this.#matches.length === 0) return this.#default
    const told = (metadata[MATCH_METADATA] ?? {}) as Readonly<Record<string, unknown>>
    const found = this.#matches.find(({ criteria }) =>
      criteria.every(([key, value]) => key in told && JSON.stringify(told[key]) === value),
    )
    return found?.transport ?? this.#default
  }
}

/** Node sets when the first probe is sent; how many follow and how fast is libuv's choice (10, each second). */
function keepAlive(options: UpstreamConnectionOptions | undefined, path: string): number | undefined {
  if (options === undefined) return undefined
  onlyFields(UpstreamConnectionOptionsSchema, options, ['tcp_keepalive'], path)
  return options.tcpKeepalive && (options.tcpKeepalive.keepaliveTime ?? 0) * 1000
}

function criteria(proto: Cluster_TransportSocketMatch, path: string): Match['criteria'] {
  onlyFields(Cluster_TransportSocketMatchSchema, proto, ['name', 'match', 'transport_socket'], path)
  if (proto.name === '') throw invalid(`${path}.name`, 'a name is missing')
  return Object.entries(proto.match ?? {}).map(([key, value]) => [key, JSON.stringify(value)] as const)
}
