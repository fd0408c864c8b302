import type { ServerResponse } from 'node:http'
import { SluiceError } from '../errors.ts'
import type { Change, KubeClient, KubeObject } from '../kube/index.ts'
import { logger } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import { type GrpcServer, serveGrpc } from '../xds/grpc-server.ts'
import {
  type AdsAcceptor,
  AdsServer,
  type AdsServerEvents,
  type Connection,
  type Outcome,
  shortType,
  TypeUrl,
} from '../xds/index.ts'
import { ConnectedProxy } from './connected-proxy.ts'
import { Debounce } from './debounce.ts'
import { debugPage } from './debug.ts'
import { Packer } from './envoy/config.ts'
import { GatewayDeployer } from './gateway/deployer.ts'
import { type KindName, Kinds } from './kinds.ts'
import { type ControlMetrics, controlMetrics } from './metrics.ts'
import { Mesh } from './model/mesh.ts'
import { parseNode } from './model/workload.ts'
import { ExtensionStatuses } from './status/extension-statuses.ts'
import { GatewayStatuses } from './status/gateway-statuses.ts'
import { StatusWriter } from './status/writer.ts'
import { Watches } from './watches.ts'

const log = logger('control')

/** Changes that come together are pushed together; the first of them does not wait. */
const PUSH_WINDOW_MS = 10

/** What the control plane is started with. */
export interface ControlOptions {
  readonly kube: KubeClient
  /** Where xDS is served. */
  readonly host: string
  /** 0 for any; see {@link ControlPlane.xdsPort}. */
  readonly xdsPort: number
  readonly rootNamespace: string
  readonly clusterDomain: string
  /** The address that Gateways are reached at where no load balancer gives them one. */
  readonly gatewayAddress?: string
  readonly registry: Registry
}

/** A running control plane. */
export interface ControlPlane {
  readonly xdsPort: number
  /** For proxies in the same process. */
  readonly ads: AdsAcceptor
  /** Serves a page under `/debug/`; false when there is none of that path. */
  debug(path: string, response: ServerResponse): boolean
  close(): Promise<void>
}

/** Reads the mesh from the API server, serves it to the connected proxies, and writes back what became of it. */
export async function startControl(options: ControlOptions): Promise<ControlPlane> {
  const control = new Control(options)
  await control.start()
  return control
}

class Control implements ControlPlane {
  readonly ads: AdsServer
  readonly #options: ControlOptions
  readonly #metrics: ControlMetrics
  readonly #watches: Watches
  readonly #mesh: Mesh
  readonly #packer = new Packer()
  readonly #proxies = new Map<string, ConnectedProxy>()
  readonly #push: Debounce
  readonly #statuses: ExtensionStatuses
  readonly #writer: StatusWriter
  readonly #gateways: GatewayStatuses
  readonly #deployer: GatewayDeployer
  readonly #epoch = new Date().toISOString()
  #grpc: GrpcServer | undefined
  #pushes = 0
  /** When the first change was seen that is not pushed yet. */
  #changedAt: number | undefined

  constructor(options: ControlOptions) {
    this.#options = options
    this.#metrics = controlMetrics(options.registry)
    this.#watches = new Watches(options.kube, (kind, change) => this.#onChange(kind, change))
    this.#mesh = new Mesh(this.#watches.stores, options)
    this.#push = new Debounce(PUSH_WINDOW_MS, () => this.#pushAll())
    this.#writer = new StatusWriter(options.kube)
    this.#statuses = new ExtensionStatuses(this.#mesh, () => this.#proxies.values(), this.#writer)
    const proxies = () => this.#proxies.values()
    this.#gateways = new GatewayStatuses(this.#mesh, proxies, this.#writer, options.gatewayAddress)
    this.#deployer = new GatewayDeployer(options.kube, this.#mesh)
    this.ads = new AdsServer(this.#events())
  }

  get xdsPort(): number {
    return this.#grpc?.port ?? 0
  }

  async start(): Promise<void> {
    await this.#watches.start()
    this.#grpc = await serveGrpc(this.ads, this.#options.host, this.#options.xdsPort)
    this.#touch()
  }

  debug(path: string, response: ServerResponse): boolean {
    const page = debugPage(path, this.#mesh, [...this.#proxies.values()], this.#statuses)
    if (page === undefined) return false
    response.setHeader('content-type', 'application/json')
    response.end(`${JSON.stringify(page, undefined, 2)}\n`)
    return true
  }

  async close(): Promise<void> {
    this.#push.stop()
    this.#statuses.stop()
    this.#gateways.stop()
    this.#deployer.stop()
    this.#writer.stop()
    this.#watches.stop()
    this.ads.close()
    await this.#grpc?.close()
  }

  #touch(): void {
    this.#statuses.touch()
    this.#gateways.touch()
  }

  #onChange(kind: KindName, { type, object, old }: Change<KubeObject>): void {
    this.#mesh.changed(kind)
    if (type !== 'updated' || old === undefined || matters(kind, object, old)) {
      this.#changedAt ??= performance.now()
      this.#push.call()
    }
    if (kind === 'gateway' || kind === 'gatewayClass') this.#deployer.touch()
    if (type === 'deleted') this.#writer.forget(Kinds[kind], object)
    this.#touch()
  }

  #events(): AdsServerEvents {
    const proxyOf = ({ nodeId }: Connection) => this.#proxies.get(nodeId)
    const answered = ({ connection, version }: Outcome) => {
      const ms = proxyOf(connection)?.answered(version)
      if (ms !== undefined) this.#metrics.convergence.record(ms / 1000)
      this.#touch()
    }
    return {
      onConnect: (connection) => this.#onConnect(connection),
      onDisconnect: (connection) => this.#onDisconnect(connection),
      onPush: (push) => {
        this.#metrics.pushes.with({ type: shortType(push.typeUrl) }).add()
        const proxy = proxyOf(push.connection)
        proxy?.delivery.onPush(push)
        proxy?.sent(push.version)
      },
      onAck: (outcome) => {
        proxyOf(outcome.connection)?.delivery.onAck(outcome)
        answered(outcome)
      },
      onNack: (rejection) => {
        const { connection, typeUrl, version, error } = rejection
        const type = shortType(typeUrl)
        log.warn({ node: connection.nodeId, type, version, error }, 'a proxy rejected its configuration')
        this.#metrics.rejects.with({ type: typeUrl }).add()
        proxyOf(connection)?.delivery.onNack(rejection)
        answered(rejection)
      },
      onReports: (connection, reports) => {
        for (const { name, code, message } of proxyOf(connection)?.delivery.setReports(reports) ?? []) {
          log.warn({ node: connection.nodeId, name, code, error: message }, 'an extension failed on a proxy')
          this.#metrics.rejects.with({ type: TypeUrl.extension }).add()
        }
        this.#touch()
      },
    }
  }

  #onConnect(connection: Connection): void {
    const { nodeId } = connection
    if (parseNode(nodeId, connection.metadata) === undefined) {
      log.warn({ node: nodeId }, 'a client is turned away: its node id is not type~address~pod.namespace~domain')
      connection.close(new SluiceError('SL2002', nodeId))
      return
    }
    log.info({ node: nodeId, delta: connection.delta }, 'a proxy connected')
    const proxy = this.#proxies.get(nodeId) ?? new ConnectedProxy(nodeId)
    this.#proxies.set(nodeId, proxy)
    proxy.connections.add(connection)
    this.#metrics.connected.add(1)
    this.#pushTo(proxy)
    this.#touch()
  }

  #onDisconnect(connection: Connection): void {
    const proxy = this.#proxies.get(connection.nodeId)
    if (proxy === undefined || !proxy.connections.delete(connection)) return
    this.#metrics.connected.add(-1)
    if (proxy.connections.size > 0) return
    log.info({ node: connection.nodeId }, 'a proxy is gone')
    this.#proxies.delete(connection.nodeId)
    this.ads.clearSnapshot(connection.nodeId)
    this.#touch()
  }

  #pushAll(): void {
    this.#packer.turn()
    const since = this.#changedAt
    this.#changedAt = undefined
    for (const proxy of this.#proxies.values()) this.#pushTo(proxy, since)
    this.#touch()
  }

  #pushTo(proxy: ConnectedProxy, since = performance.now()): void {
    const version = `${this.#epoch}/${++this.#pushes}`
    proxy.pushing(version, since)
    try {
      this.ads.setSnapshot(proxy.nodeId, proxy.refresh(this.#mesh, this.#packer), version)
    } catch (error) {
      // The last good configuration stays in force.
      log.error({ node: proxy.nodeId, err: error }, 'the configuration could not be built')
    }
  }
}

/** Kinds whose status is written by controllers, this one among them; their generation tells edits apart. */
const HAS_STATUS: ReadonlySet<KindName> = new Set<KindName>([
  'trafficExtension',
  'wasmPlugin',
  'envoyFilter',
  'istioGateway',
  'virtualService',
  'destinationRule',
  'serviceEntry',
  'gatewayClass',
  'gateway',
  'httpRoute',
])

/** What an update must touch for a proxy's configuration to change; our own status writes must not. */
function matters(kind: KindName, object: KubeObject, old: KubeObject): boolean {
  const [a, b] = [object.metadata, old.metadata]
  if (JSON.stringify([a.labels, a.annotations]) !== JSON.stringify([b.labels, b.annotations])) return true
  if (kind === 'pod') return false
  return !HAS_STATUS.has(kind) || a.generation === undefined || a.generation !== b.generation
}
