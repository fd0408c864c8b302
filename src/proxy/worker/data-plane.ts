import { create, type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { messageOf } from '../../errors.ts'
import { logger, takeLogLevels } from '../../telemetry/log.ts'
import type { Plugin } from '../../wasm/index.ts'
import { breakerGauges } from '../cluster/circuit-breaker-stats.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { ClusterManager } from '../cluster/cluster-manager.ts'
import { LocalZones } from '../cluster/lb/local-zones.ts'
import { unpack } from '../config/any.ts'
import { checkNested } from '../config/nested.ts'
import { NO_LISTENER } from '../context.ts'
import type { FilterConfig, FilterFactory } from '../filter-chain/factory.ts'
import { FilterRegistry } from '../filter-chain/registry.ts'
import { HTTP_FILTERS, NETWORK_FILTERS } from '../filters/index.ts'
import { startService, stopPlugin } from '../filters/wasm/index.ts'
import { HttpFilterRegistry } from '../http/filter-registry.ts'
import { reopenLogs } from '../http/log-file.ts'
import { seedConnectionIds } from '../listener/accepted-connection.ts'
import { compileListener } from '../listener/compile-listener.ts'
import { ListenerServer } from '../listener/listener-server.ts'
import { InternalListeners } from '../network/internal-listeners.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import { CountPlace } from '../process-count.ts'
import { IstioReporter } from '../stats/istio.ts'
import { StatsStore } from '../stats/store.ts'
import type { LoadedCertificates } from '../tls/loaded-certificates.ts'
import { TicketSecret } from '../tls/ticket-secret.ts'
import { clusterStatus } from './cluster-status.ts'
import { type DataPlaneContext, factoryContext } from './data-plane-context.ts'
import { ExtensionStore, type PreparedSwap } from './extension-store.ts'
import type {
  ClusterOp,
  ClusterStatus,
  ConfigOp,
  ExtensionOp,
  ForgetOp,
  ListenerOp,
  OpResult,
  ServiceOp,
  WorkerCommand,
  WorkerRole,
} from './protocol.ts'
import { RouteStore } from './route-store.ts'

const NOTHING: PreparedSwap = { commit() {}, abort() {} }

/** What the thread for services has no use for. */
const OF_TRAFFIC: ReadonlySet<ConfigOp['kind']> = new Set(['routes', 'extension', 'listener', 'remove-listener'])

/** What the main thread tells its workers, and nobody tells one that only tries configurations out. */
interface DataPlaneOptions {
  readonly role?: WorkerRole
  readonly overload?: OverloadState | undefined
  readonly ticketSecret?: TicketSecret
  /** `cluster_manager.local_cluster_name`, or '' */
  readonly localCluster?: string
  /** What `validate_clusters` asks where configurations are tried; who runs them has been told that they are right. */
  readonly hasCluster?: (name: string) => boolean
}

/** Everything that serves in one worker, and how its config changes. */
export class DataPlane {
  readonly context: DataPlaneContext
  readonly istio: IstioReporter | undefined
  readonly stats = new StatsStore()
  readonly #listeners = new Map<string, ListenerServer>()
  readonly #secrets = new Map<string, Secret>()
  readonly #clusters: ClusterManager
  readonly #internal = new InternalListeners()
  readonly #drains = new Map<ListenerServer, Promise<void>>()
  readonly #role: WorkerRole
  readonly #services: Plugin[] = []

  constructor(node: Node, workerIndex: number, options: DataPlaneOptions = {}) {
    const {
      role = 'data',
      overload,
      ticketSecret = new TicketSecret(),
      localCluster = '',
      hasCluster = () => true,
    } = options
    this.#role = role
    const { stats } = this
    const secrets = { find: (key: string) => this.#secrets.get(key) }
    const local = localCluster === '' ? undefined : new LocalZones(localCluster, node.locality)
    this.#clusters = new ClusterManager(secrets, stats, this.#internal, local)
    const httpFilters = new HttpFilterRegistry(HTTP_FILTERS)
    this.istio = IstioReporter.forNode(node)
    const report = this.istio
    this.context = {
      node,
      log: logger('proxy'),
      workerIndex,
      stats,
      ownStats: () => stats.owned(),
      clusters: this.#clusters,
      secrets,
      ticketSecret,
      health: { failed: false },
      overload,
      routes: new RouteStore(
        (cells) => (typeName, message, filterName) => {
          const factory = httpFilters.findByRouteConfig(typeName)
          return factory?.createRouteConfig?.(
            message as never,
            factoryContext(this.context, NO_LISTENER, filterName, '', cells),
          )
        },
        hasCluster,
      ),
      extensions: new ExtensionStore(),
      httpFilters,
      networkFilters: new FilterRegistry('network filter', NETWORK_FILTERS),
      istioReport: report && ((info) => report.record(info)),
    }
    if (workerIndex >= 0) seedConnectionIds(workerIndex)
  }

  setSecret(key: string, secret: Secret): void {
    this.#secrets.set(key, secret)
  }

  dropSecret(key: string): void {
    this.#secrets.delete(key)
  }

  /** Makes what an op needs without using it. Never throws: what cannot work is in the result. */
  async prepare(op: ConfigOp): Promise<{ result: OpResult; swap: PreparedSwap }> {
    try {
      if (this.#role === 'services' && OF_TRAFFIC.has(op.kind)) return { result: { error: undefined }, swap: NOTHING }
      if (op.kind === 'listener') return await this.#prepareListener(op)
      return { result: { error: undefined }, swap: await this.#prepareOther(op) }
    } catch (error) {
      return { result: { error: messageOf(error) }, swap: NOTHING }
    }
  }

  async #prepareOther(op: Exclude<ConfigOp, ListenerOp>): Promise<PreparedSwap> {
    switch (op.kind) {
      case 'secret': {
        const secret = checked(SecretSchema, op)
        return { commit: () => this.setSecret(op.name, secret), abort() {} }
      }
      case 'remove-secret':
        return { commit: () => this.dropSecret(op.name), abort() {} }
      case 'cluster': {
        const cluster = this.#prepareCluster(op)
        return { commit: () => this.#clusters.install(cluster), abort: () => cluster.close() }
      }
      case 'renew-cluster':
        return { commit: this.#clusters.prepareRenewal(op.name), abort() {} }
      case 'remove-cluster':
        return { commit: () => this.#clusters.remove(op.name), abort() {} }
      case 'endpoints': {
        const proto = checked(ClusterLoadAssignmentSchema, op)
        this.#clusters.checkEndpoints(proto)
        return { commit: () => this.#clusters.updateEndpoints(proto), abort() {} }
      }
      case 'routes': {
        const table = this.context.routes.prepare(checked(RouteConfigurationSchema, op), op.memory)
        return { commit: () => this.context.routes.install(table), abort() {} }
      }
      case 'extension':
        return this.#prepareExtension(op)
      case 'service':
        return this.#prepareService(op)
      case 'forget':
        return { commit: () => this.#forget(op), abort() {} }
      case 'remove-listener':
        return { commit: () => this.#removeListener(op.name, op.drainMs), abort() {} }
    }
  }

  #forget({ what, name }: ForgetOp): void {
    switch (what) {
      case 'endpoints':
        this.#clusters.forgetEndpoints(name)
        break
      case 'routes':
        this.context.routes.forget(name)
        break
      case 'extension':
        this.context.extensions.delete(name)
    }
  }

  #prepareCluster(op: ClusterOp): Cluster {
    const place = op.memory && new CountPlace(op.memory, this.context.workerIndex)
    return this.#clusters.prepare(checked(ClusterSchema, op), place)
  }

  #prepareService(op: ServiceOp): PreparedSwap {
    if (op.singleton !== (this.#role === 'services')) return NOTHING
    const plugin = startService(factoryContext(this.context, NO_LISTENER, op.name, '', op.prepared))
    return { commit: () => this.#services.push(plugin), abort: () => stopPlugin(plugin) }
  }

  async #prepareExtension(op: ExtensionOp): Promise<PreparedSwap> {
    const { extensions } = this.context
    const typedConfig = create(AnySchema, { typeUrl: op.typeUrl, value: op.bytes })
    const config = { name: op.name, typedConfig, prepared: op.prepared, failure: op.failure }
    const users = extensions.users(op.name)
    const swaps: PreparedSwap[] = []
    try {
      if (users.length === 0 && op.failure === undefined) await this.#tryOut(op)
      for (const user of users) swaps.push(await user.prepareExtension(config))
    } catch (error) {
      for (const swap of swaps) swap.abort()
      throw error
    }
    return {
      commit() {
        extensions.set(config)
        for (const swap of swaps) swap.commit()
      },
      abort() {
        for (const swap of swaps) swap.abort()
      },
    }
  }

  /** The listener that asked for it still waits: start it once for nobody, so that the answer to ECDS can be honest. */
  async #tryOut(op: ExtensionOp): Promise<void> {
    const { typeName, message } = unpack(
      create(AnySchema, { typeUrl: op.typeUrl, value: op.bytes }),
      `extension "${op.name}"`,
    )
    const context = factoryContext(this.context, NO_LISTENER, op.name, '', op.prepared)
    const factory: FilterFactory<FilterConfig> | undefined =
      this.context.httpFilters.find(typeName) ?? this.context.networkFilters.find(typeName)
    const made = await factory?.create(message as never, context)
    made?.destroy?.()
  }

  async #prepareListener(op: ListenerOp): Promise<{ result: OpResult; swap: PreparedSwap }> {
    const config = await compileListener(checked(ListenerSchema, op), this.context, op.prepared)
    const known = this.#listeners.get(op.name)
    if (known !== undefined && known.config.internal === config.internal && sameAddresses(known, config)) {
      return {
        result: { error: undefined, ports: op.ports ?? [] },
        swap: { commit: () => known.swap(config, op.drainMs), abort: () => config.close() },
      }
    }
    const server = new ListenerServer(config, this.context)
    const ports: number[] = []
    try {
      const { backlog } = config
      for (const [i, address] of config.addresses.entries()) {
        const port = op.ports?.[i] ?? address.port
        ports.push(await server.listen({ ...address, port, backlog }))
      }
    } catch (error) {
      await server.drain(0)
      throw error
    }
    const swap = {
      commit: () => {
        if (known !== undefined) this.#drain(known, op.drainMs)
        this.#listeners.set(op.name, server)
        if (config.internal) this.#internal.set(op.name, server.acceptInternal)
      },
      abort: () => this.#drain(server, 0),
    }
    return { result: { error: undefined, ports }, swap }
  }

  #removeListener(name: string, drainMs: number): void {
    const server = this.#listeners.get(name)
    this.#listeners.delete(name)
    if (server !== undefined) this.#drain(server, drainMs)
  }

  #drain(server: ListenerServer, deadlineMs: number): void {
    this.#internal.delete(server.name, server.acceptInternal)
    const done = server.drain(deadlineMs)
    this.#drains.set(server, done)
    void done.finally(() => this.#drains.delete(server))
  }

  run(command: WorkerCommand): void {
    switch (command.kind) {
      case 'reset-counters':
        this.stats.resetCounters()
        break
      case 'reopen-logs':
        reopenLogs()
        break
      case 'log-levels':
        takeLogLevels(command.levels)
        break
      case 'health':
        this.context.health.failed = command.failed
        break
      case 'drain-listeners':
        for (const [name, server] of this.#listeners) {
          if (command.inboundOnly && server.config.facts.direction !== INBOUND) continue
          this.#removeListener(name, command.drainMs)
        }
    }
  }

  /** Stops accepting, lets requests finish until the deadline, then closes everything. */
  async drain(deadlineMs: number): Promise<void> {
    for (const name of [...this.#listeners.keys()]) this.#removeListener(name, deadlineMs)
    // Those that were removed before may have longer: when the process ends nothing outlasts it.
    for (const server of this.#drains.keys()) server.hurry(deadlineMs)
    await Promise.all(this.#drains.values())
    for (const service of this.#services.splice(0)) stopPlugin(service)
    this.#clusters.close()
  }

  clusterStatus(): ClusterStatus[] {
    return [...this.#clusters.all].map(clusterStatus)
  }

  /** Of all TLS contexts in force whose secrets are there. */
  certificates(): LoadedCertificates[] {
    const chains = [...this.#listeners.values()].flatMap(({ config }) => config.chains)
    const ofChains = chains.flatMap(({ tls }) => (tls === undefined || tls === 'not ready' ? [] : tls.loaded))
    return [...ofChains, ...[...this.#clusters.all].flatMap(({ certificates }) => certificates)]
  }

  /** Gauges of the process: each thread knows all of it. */
  processGauges(): Record<string, number> {
    const gauges: Record<string, number> = {}
    for (const { statName, breaker, lbGauges = {} } of this.#clusters.all) {
      Object.assign(gauges, breakerGauges(statName, breaker))
      for (const [name, value] of Object.entries(lbGauges)) gauges[`cluster.${statName}.${name}`] = value
    }
    return gauges
  }

  connections(): Record<string, number> {
    return Object.fromEntries([...this.#listeners].map(([name, server]) => [name, server.connectionCount]))
  }
}

/** How errors name a resource. */
const NOUNS = {
  secret: 'secret',
  cluster: 'cluster',
  endpoints: 'endpoints of',
  routes: 'route_config',
  listener: 'listener',
}

function checked<D extends DescMessage>(
  schema: D,
  op: { readonly kind: keyof typeof NOUNS; readonly name: string; readonly bytes: Uint8Array },
): MessageShape<D> {
  const message = fromBinary(schema, op.bytes)
  checkNested(schema, message, `${NOUNS[op.kind]} "${op.name}"`)
  return message
}

const INBOUND = 1

function sameAddresses(
  server: ListenerServer,
  config: { addresses: readonly { ip: string; port: number }[] },
): boolean {
  const text = (list: readonly { ip: string; port: number }[]) => list.map(({ ip, port }) => `${ip} ${port}`).join()
  return text(server.config.addresses) === text(config.addresses)
}
