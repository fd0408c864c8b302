import { createHash } from 'node:crypto'
import { toBinary } from '@bufbuild/protobuf'
import { type FilterChain, FilterChainSchema } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { type Listener, Listener_DrainType, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { RawBufferSchema } from '../../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import {
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { metadataJson, unpack } from '../config/any.ts'
import { DEFAULT_BUFFER_LIMIT } from '../config/buffer-limit.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { ListenerFacts } from '../context.ts'
import type { ListenerPlace } from '../filter-chain/make-filter.ts'
import { type AccessLogger, accessLogger } from '../http/access-log.ts'
import { type CompiledConnectionManager, compileConnectionManager } from '../http/compile-connection-manager.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import { type CompiledNetworkFilters, compileNetworkFilters, type NetworkSlot } from '../network/compile-filters.ts'
import { DownstreamTls } from '../tls/downstream.ts'
import { downstreamSecretNeeds } from '../tls/secret-need.ts'
import { type DataPlaneContext, factoryContext } from '../worker/data-plane-context.ts'
import { chainChooser } from './chain-chooser.ts'
import type { Take } from './chain-criteria.ts'
import { isInternal, type ListenAddress, listenAddresses, listenerScope } from './listen-address.ts'
import type { ListenerFilter } from './listener-filter.ts'
import { listenerFilters } from './listener-filters.ts'
import { type AcceptedSocketOptions, acceptedSocketOptions } from './socket-options.ts'

/** One filter chain, ready to serve. */
export interface CompiledChain {
  readonly name: string
  /** Of its config: an update that has the same chain keeps its connections, whatever leads to it by now. */
  readonly identity: string
  /** `'not ready'`: its secrets have not come in time, or cannot be used. */
  readonly tls: DownstreamTls | 'not ready' | undefined
  /** Changes when a connection accepted under the old config cannot be carried over: another certificate or peer check. */
  readonly tlsKey: string
  readonly networkSlots: readonly NetworkSlot[]
  readonly manager: ConnectionManager | undefined
  /** How long a TLS handshake may take; 0: for ever. */
  readonly handshakeTimeoutMs: number
  close(): void
}

/** A listener as one worker serves it. */
export interface CompiledListener {
  readonly name: string
  readonly facts: ListenerFacts
  /** Clusters of this proxy connect to it by its name; it has no address. */
  readonly internal: boolean
  readonly addresses: readonly ListenAddress[]
  /** `stat_prefix`, which stands in statistics in place of the address. */
  readonly statPrefix: string
  /** The bootstrap's limit of connections is for it, too. */
  readonly countsGlobally: boolean
  readonly bypassesOverload: boolean
  /** While the proxy fails its health checks, connections end with their next response. */
  readonly drainsUnhealthy: boolean
  readonly socketOptions: AcceptedSocketOptions | undefined
  /** Told of each connection when it is over. */
  readonly accessLogs: readonly AccessLogger[]
  /** All of them, the default one, too. */
  readonly chains: readonly CompiledChain[]
  /** Which of them a connection gets. */
  readonly choose: Take<CompiledChain>
  /** What looks at a connection's first bytes, in this order. */
  readonly listenerFilters: readonly ListenerFilter[]
  /** 0: for ever. */
  readonly peekTimeoutMs: number
  readonly continueOnPeekTimeout: boolean
  readonly backlog: number
  /** Every connection goes to an HTTP codec as it comes. */
  readonly plainHttp: boolean
  readonly bufferLimit: number
  close(): void
}

const FIELDS = [
  'name',
  'address',
  'internal_listener',
  'additional_addresses',
  'stat_prefix',
  'filter_chains',
  'default_filter_chain',
  'filter_chain_matcher',
  'per_connection_buffer_limit_bytes',
  'metadata',
  'drain_type',
  'listener_filters',
  'listener_filters_timeout',
  'continue_on_listener_filters_timeout',
  'traffic_direction',
  'reuse_port',
  'enable_reuse_port',
  'tcp_backlog_size',
  'access_log',
  'socket_options',
  'bind_to_port',
  'freebind',
  'connection_balance_config',
  'max_connections_to_accept_per_socket_event',
  'ignore_global_conn_limit',
  'bypass_overload_manager',
]

const CHAIN_FIELDS = [
  'filter_chain_match',
  'filters',
  'transport_socket',
  'transport_socket_connect_timeout',
  'name',
  'metadata',
]

/** Compiles a listener with its chains and filters; throws where something is wrong or not supported. */
export async function compileListener(
  proto: Listener,
  context: DataPlaneContext,
  prepared: ReadonlyMap<string, unknown>,
): Promise<CompiledListener> {
  const path = listenerPath(proto)
  onlyFields(ListenerSchema, proto, FIELDS, path)
  if (proto.bindToPort === false) throw unsupported(`${path}.bind_to_port`, 'listeners that do not bind')
  if (proto.freebind === true) throw unsupported(`${path}.freebind`, 'addresses that are not there yet')
  const addresses = listenAddresses(proto, path)
  const facts: ListenerFacts = {
    name: proto.name,
    direction: proto.trafficDirection as ListenerFacts['direction'],
    metadata: metadataJson(proto.metadata),
    statPrefix: listenerScope(addresses, proto.name, proto.statPrefix),
  }
  const bufferLimit = proto.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT
  const chains: CompiledChain[] = []
  let choose: Take<CompiledChain>
  let filters: readonly ListenerFilter[]
  const accessLogs: AccessLogger[] = []
  const stats = context.ownStats()
  const close = () => {
    for (const chain of chains) chain.close()
    for (const log of accessLogs) log.close()
    stats.close()
  }
  const overload = proto.bypassOverloadManager ? undefined : context.overload
  const place = { context: { ...context, stats, overload }, listener: facts, prepared }
  try {
    const ports = addresses.map(({ port }) => port)
    filters = listenerFilters(proto.listenerFilters, ports, stats, `${path}.listener_filters`)
    for (const [i, log] of proto.accessLog.entries()) {
      const where = `${path}.access_log[${i}]`
      accessLogs.push(accessLogger(log, where, factoryContext(place.context, facts, log.name, '', prepared.get(where))))
    }
    for (const [i, chain] of proto.filterChains.entries()) {
      chains.push(await compileChain(chain, place, bufferLimit, `${path}.filter_chains[${i}]`))
    }
    const { defaultFilterChain: last } = proto
    if (last !== undefined) chains.push(await compileChain(last, place, bufferLimit, `${path}.default_filter_chain`))
    if (chains.length === 0) throw invalid(`${path}.filter_chains`, 'a filter chain is missing')
    choose = chainChooser(proto, chains, path)
  } catch (error) {
    close()
    throw error
  }
  return {
    name: proto.name,
    facts,
    addresses,
    internal: isInternal(proto),
    statPrefix: proto.statPrefix,
    countsGlobally: !proto.ignoreGlobalConnLimit,
    bypassesOverload: proto.bypassOverloadManager,
    drainsUnhealthy: proto.drainType === Listener_DrainType.DEFAULT,
    socketOptions: acceptedSocketOptions(proto.socketOptions, `${path}.socket_options`),
    accessLogs,
    chains,
    choose,
    listenerFilters: filters,
    plainHttp: filters.length === 0 && chains.every(isPlainHttp),
    peekTimeoutMs: durationMs(proto.listenerFiltersTimeout, 15_000),
    continueOnPeekTimeout: proto.continueOnListenerFiltersTimeout,
    backlog: proto.tcpBacklogSize ?? 1024,
    bufferLimit,
    close,
  }
}

/** Where a listener stands, in messages. */
export function listenerPath(proto: Listener): string {
  return `listener "${proto.name}"`
}

async function compileChain(
  proto: FilterChain,
  place: Omit<ListenerPlace, 'path'>,
  bufferLimit: number,
  path: string,
): Promise<CompiledChain> {
  onlyFields(FilterChainSchema, proto, CHAIN_FIELDS, path)
  const socket = transportSocket(proto, `${path}.transport_socket`)
  const tls = socket && downstreamTls(socket, place.context, `${path}.transport_socket`)
  const last = proto.filters.length - 1
  const manager = connectionManager(proto, path)
  let network: CompiledNetworkFilters | undefined
  let http: CompiledConnectionManager | undefined
  try {
    const before = manager === undefined ? proto.filters : proto.filters.slice(0, last)
    network = await compileNetworkFilters(before, { ...place, path, statPrefix: '' }, manager === undefined)
    if (manager !== undefined) {
      const where = { ...place, path: `${path}.filters[${last}]` }
      http = await compileConnectionManager(manager, where, bufferLimit, proto.name, tls !== undefined)
    }
  } catch (error) {
    network?.close()
    throw error
  }
  return {
    name: proto.name,
    identity: createHash('sha256').update(toBinary(FilterChainSchema, proto)).digest('base64'),
    tls,
    tlsKey: socket === undefined ? '' : JSON.stringify(socket, bigints),
    networkSlots: network.slots,
    manager: http?.manager,
    // Envoy sets no limit of its own, which lets clients that never speak keep their connections.
    handshakeTimeoutMs: durationMs(proto.transportSocketConnectTimeout, 10_000),
    close() {
      network.close()
      http?.close()
    },
  }
}

/** As in Envoy (NotReadySslSocket), a chain without its secrets refuses connections until they come. */
function downstreamTls(
  socket: DownstreamTlsContext,
  { secrets, ticketSecret }: DataPlaneContext,
  path: string,
): DownstreamTls | 'not ready' {
  const absent = downstreamSecretNeeds(socket, path).some(
    ({ key, dynamic }) => dynamic && secrets.find(key) === undefined,
  )
  return absent ? 'not ready' : new DownstreamTls(socket, secrets, ticketSecret, path)
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function isPlainHttp({ tls, networkSlots, manager }: CompiledChain): boolean {
  return tls === undefined && networkSlots.length === 0 && manager !== undefined
}

/** The connection manager of a chain, which stands last if there is one. */
export function connectionManager({ filters }: FilterChain, path: string): HttpConnectionManager | undefined {
  const last = filters.length - 1
  const config = filters[last]?.configType
  if (config?.case !== 'typedConfig') return undefined
  const { typeName, message } = unpack(config.value, `${path}.filters[${last}].typed_config`)
  return typeName === HttpConnectionManagerSchema.typeName ? (message as HttpConnectionManager) : undefined
}

/** The TLS context of a chain; `undefined`: it takes plain connections. */
export function transportSocket(proto: FilterChain, path: string): DownstreamTlsContext | undefined {
  if (proto.transportSocket === undefined) return undefined
  const { typeName, message } = unpack(proto.transportSocket.configType.value, `${path}.typed_config`)
  if (typeName === RawBufferSchema.typeName) return undefined
  if (typeName !== DownstreamTlsContextSchema.typeName)
    throw unsupported(`${path}.typed_config`, `transport socket ${typeName}`)
  return message as DownstreamTlsContext
}
