/**
 * The main thread's config: what was delivered, what it still waits for (warming), and what the workers run. Resources are tried
 * out here, then applied in all workers, and only then acknowledged; a refused one leaves what was there before in force.
 */
import { type MessageShape, toBinary } from '@bufbuild/protobuf'
import { type Cluster, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { type Listener, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { logger } from '../../telemetry/log.ts'
import { type AdsClient, type NamedResource, type RejectedResource, TypeUrl } from '../../xds/index.ts'
import { prepareService, type ServiceConfig } from '../filters/wasm/index.ts'
import { sharedMemoryForCells } from '../shared-cells.ts'
import { DataPlane } from '../worker/data-plane.ts'
import type { ConfigOp, ServiceOp } from '../worker/protocol.ts'
import { type Applier, SafeApplier } from './applier.ts'
import { attempt, type Delivered, decode, delivered, same } from './delivered.ts'
import { clusterSecrets, listenerNeeds } from './dependencies.ts'
import { type Extension, ExtensionUpdates } from './extension-updates.ts'
import { type ListenPlaces, moveListener } from './listen-places.ts'
import { type ListenerState, ListenerUpdates } from './listener-updates.ts'

const log = logger('proxy')

interface DeliveredRoutes extends Delivered<RouteConfiguration> {
  /** What all workers have of it, those too that begin later. */
  readonly memory: SharedArrayBuffer
}

export class ConfigManager {
  readonly #pool: SafeApplier
  readonly #trial: DataPlane
  readonly #listeners: ListenerUpdates
  readonly #extensions: ExtensionUpdates
  #ads: AdsClient | undefined
  #places: ListenPlaces = new Map()
  readonly clusters = new Map<string, Delivered<Cluster>>()
  readonly routes = new Map<string, DeliveredRoutes>()
  readonly endpoints = new Map<string, Delivered<MessageShape<typeof ClusterLoadAssignmentSchema>>>()
  readonly secrets = new Map<string, Delivered<Secret>>()
  readonly #static = new Set<string>()
  readonly #services: ServiceOp[] = []
  readonly rejected = new Map<string, { reason: string; version: string; at: Date }>()
  /** The first listeners have come, or there is nobody to ask. */
  initialized = false
  #changed: (() => void)[] = []

  constructor(pool: Applier, node: Node, reusePort: boolean, drainMs: number) {
    this.#pool = new SafeApplier(pool)
    this.#trial = new DataPlane(node, -1)
    this.#extensions = new ExtensionUpdates(this.#pool, this.#trial.context, node, log)
    const surroundings = {
      routes: this.routes,
      secrets: this.secrets,
      extensions: this.#extensions.all,
      changed: () => this.#syncSubscriptions(),
      warmed: () => this.notify(),
    }
    const settings = { node, reusePort, drainMs }
    this.#listeners = new ListenerUpdates(this.#pool, this.#trial.context, surroundings, settings, log)
  }

  get listeners(): ReadonlyMap<string, ListenerState> {
    return this.#listeners.states
  }

  get extensions(): ReadonlyMap<string, Extension> {
    return this.#extensions.all
  }

  /** Takes resources from a management server; its listeners are opened at `places`, where it names them. */
  connect(ads: AdsClient, places: ListenPlaces): void {
    this.#ads = ads
    this.#places = places
    ads
      .handle(TypeUrl.cluster, (resources, version) =>
        this.#recorded('cds', version, this.#onClusters(resources, version)),
      )
      .handle(TypeUrl.endpoint, (resources, version) =>
        this.#recorded('eds', version, this.#onEndpoints(resources, version)),
      )
      .handle(TypeUrl.listener, (resources, version) =>
        this.#recorded('lds', version, this.#onListeners(resources, version)),
      )
      .handle(TypeUrl.route, (resources, version) => this.#recorded('rds', version, this.#onRoutes(resources, version)))
      .handle(TypeUrl.secret, (resources, version) =>
        this.#recorded('sds', version, this.#onSecrets(resources, version)),
      )
      .handle(TypeUrl.extension, (resources, version) =>
        this.#recorded('ecds', version, this.#onExtensions(resources, version)),
      )
  }

  /** Resources of the bootstrap; throws on the first that cannot work. */
  async addStatic(
    listeners: readonly Listener[],
    clusters: readonly Cluster[],
    secrets: readonly Secret[],
    services: readonly ServiceConfig[],
  ): Promise<void> {
    for (const secret of secrets) await this.#applySecret(delivered(secret, ''))
    for (const cluster of clusters) {
      this.#static.add(`cluster ${cluster.name}`)
      fail(await this.#applyCluster(delivered(cluster, '')))
    }
    for (const service of services) await this.#addService(service)
    for (const listener of listeners) {
      this.#static.add(`listener ${listener.name}`)
      fail(await this.#listeners.add(delivered(listener, '')))
    }
  }

  async #addService(service: ServiceConfig): Promise<void> {
    const { name, singleton, path } = service
    const op: ServiceOp = { kind: 'service', name, prepared: await prepareService(service), singleton }
    const [{ error }] = await this.#pool.apply([op])
    if (error !== undefined) fail(`${path}: ${error}`)
    this.#services.push(op)
  }

  get ready(): boolean {
    return this.initialized && [...this.listeners.values()].every(({ active }) => active !== undefined)
  }

  /** Resolves as soon as `condition` holds; it is looked at after each change. */
  when(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return
        this.#changed = this.#changed.filter((one) => one !== check)
        resolve()
      }
      this.#changed.push(check)
    })
  }

  notify(): void {
    for (const check of [...this.#changed]) check()
  }

  /** What a new worker has to be told. */
  fullState(): ConfigOp[] {
    const ops: ConfigOp[] = []
    for (const { proto } of this.secrets.values())
      ops.push({ kind: 'secret', name: proto.name, bytes: toBinary(SecretSchema, proto) })
    for (const [name, { proto }] of this.endpoints) {
      ops.push({ kind: 'endpoints', name, bytes: toBinary(ClusterLoadAssignmentSchema, proto) })
    }
    for (const [name, { proto }] of this.clusters)
      ops.push({ kind: 'cluster', name, bytes: toBinary(ClusterSchema, proto) })
    for (const [name, { proto, memory }] of this.routes)
      ops.push({ kind: 'routes', name, bytes: toBinary(RouteConfigurationSchema, proto), memory })
    for (const { op } of this.extensions.values()) ops.push(op)
    ops.push(...this.#services)
    ops.push(...this.#listeners.ops())
    return ops
  }

  /** Where active listeners listen. */
  addresses(): { name: string; address: string; port: number }[] {
    return this.#listeners.addresses()
  }

  close(): void {
    this.#listeners.close()
  }

  async #recorded(
    type: string,
    version: string,
    work: Promise<readonly RejectedResource[]>,
  ): Promise<readonly RejectedResource[]> {
    const rejects = await work
    for (const { name, reason } of rejects) {
      this.rejected.set(`${type} ${name}`, { reason, version, at: new Date() })
      log.warn({ type, resource: name, version }, `refused: ${reason}`)
    }
    if (type === 'lds') this.initialized = true
    this.notify()
    return rejects
  }

  // Clusters

  async #onClusters(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const seen = new Set<string>()
    for (const { name, resource } of resources) {
      seen.add(name)
      const proto = decode(ClusterSchema, resource)
      if (typeof proto === 'string') rejects.push({ name, reason: proto })
      else if (this.#static.has(`cluster ${name}`)) rejects.push({ name, reason: 'a static cluster has this name' })
      else if (!same(this.clusters.get(name)?.proto, proto, ClusterSchema)) {
        const reason = await this.#applyCluster(delivered(proto, version))
        if (reason !== undefined) rejects.push({ name, reason })
      }
    }
    const gone = [...this.clusters.keys()].filter((name) => !seen.has(name) && !this.#static.has(`cluster ${name}`))
    if (gone.length > 0) await this.#pool.apply(gone.map((name) => ({ kind: 'remove-cluster', name })))
    for (const name of gone) this.clusters.delete(name)
    this.#syncSubscriptions()
    return rejects
  }

  async #applyCluster(cluster: Delivered<Cluster>): Promise<string | undefined> {
    const { proto } = cluster
    const secrets = attempt(() => clusterSecrets(proto))
    if (typeof secrets === 'string') return secrets
    const missing = secrets.filter((name) => !this.secrets.has(name))
    if (missing.length > 0) {
      // Asked for now; the cluster is applied when they come.
      this.clusters.set(proto.name, cluster)
      this.#syncSubscriptions()
      return undefined
    }
    const [{ error }] = await this.#pool.apply([
      { kind: 'cluster', name: proto.name, bytes: toBinary(ClusterSchema, proto) },
    ])
    if (error === undefined) this.clusters.set(proto.name, cluster)
    return error
  }

  async #onEndpoints(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const ops: ConfigOp[] = []
    const found: Delivered<MessageShape<typeof ClusterLoadAssignmentSchema>>[] = []
    for (const { name, resource } of resources) {
      const proto = decode(ClusterLoadAssignmentSchema, resource)
      if (typeof proto === 'string') rejects.push({ name, reason: proto })
      else if (!same(this.endpoints.get(name)?.proto, proto, ClusterLoadAssignmentSchema)) {
        ops.push({ kind: 'endpoints', name, bytes: resource.value })
        found.push(delivered(proto, version))
      }
    }
    const results = await this.#pool.apply(ops)
    results.forEach(({ error }, i) => {
      const { name } = ops[i] as { name: string }
      if (error === undefined) this.endpoints.set(name, found[i])
      else rejects.push({ name, reason: error })
    })
    return rejects
  }

  // Routes

  async #onRoutes(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const { name, resource } of resources) {
      const proto = decode(RouteConfigurationSchema, resource)
      if (typeof proto === 'string') {
        rejects.push({ name, reason: proto })
        continue
      }
      if (same(this.routes.get(name)?.proto, proto, RouteConfigurationSchema)) continue
      const memory = sharedMemoryForCells()
      const [{ error }] = await this.#pool.apply([{ kind: 'routes', name, bytes: resource.value, memory }])
      if (error === undefined) this.routes.set(name, { ...delivered(proto, version), memory })
      else rejects.push({ name, reason: error })
    }
    await this.#listeners.warm()
    return rejects
  }

  // Secrets

  async #onSecrets(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const changed = new Set<string>()
    for (const { name, resource } of resources) {
      const proto = decode(SecretSchema, resource)
      if (typeof proto === 'string') rejects.push({ name, reason: proto })
      else if (!same(this.secrets.get(name)?.proto, proto, SecretSchema)) {
        await this.#applySecret(delivered(proto, version))
        changed.add(name)
      }
    }
    rejects.push(...(await this.#reapplySecretUsers(changed)))
    await this.#listeners.warm()
    return rejects
  }

  async #applySecret(secret: Delivered<Secret>): Promise<void> {
    const { proto } = secret
    this.secrets.set(proto.name, secret)
    this.#trial.setSecret(proto)
    await this.#pool.apply([{ kind: 'secret', name: proto.name, bytes: toBinary(SecretSchema, proto) }])
  }

  /** Contexts are made from secrets once; who uses a new one is made anew. */
  async #reapplySecretUsers(changed: ReadonlySet<string>): Promise<RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const [name, cluster] of this.clusters) {
      const secrets = clusterSecrets(cluster.proto)
      const used = secrets.find((secret) => changed.has(secret))
      if (used === undefined || !secrets.every((secret) => this.secrets.has(secret))) continue
      const reason = await this.#applyCluster(cluster)
      if (reason !== undefined) rejects.push({ name: used, reason: `cluster ${name}: ${reason}` })
    }
    rejects.push(...(await this.#listeners.reapply(changed)))
    return rejects
  }

  // Listeners

  async #onListeners(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const seen = new Set<string>()
    for (const { name, resource } of resources) {
      seen.add(name)
      const proto = decode(ListenerSchema, resource)
      if (typeof proto === 'string') {
        rejects.push({ name, reason: proto })
        continue
      }
      if (this.#static.has(`listener ${name}`)) {
        rejects.push({ name, reason: 'a static listener has this name' })
        continue
      }
      moveListener(proto, this.#places)
      const known = this.listeners.get(name)
      if (same((known?.warming ?? known?.active)?.proto, proto, ListenerSchema)) continue
      const reason = await this.#listeners.add(delivered(proto, version))
      if (reason !== undefined) rejects.push({ name, reason })
    }
    for (const name of [...this.listeners.keys()]) {
      if (!seen.has(name) && !this.#static.has(`listener ${name}`)) await this.#listeners.remove(name)
    }
    this.#syncSubscriptions()
    return rejects
  }

  // Extensions

  async #onExtensions(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const { name, resource } of resources) {
      const reason = await this.#extensions.apply(name, resource, version)
      if (reason !== undefined) rejects.push({ name, reason })
    }
    await this.#listeners.warm()
    return rejects
  }

  // Subscriptions

  #syncSubscriptions(): void {
    const ads = this.#ads
    if (ads === undefined) return
    const routes = new Set<string>()
    const extensions = new Set<string>()
    const secrets = new Set<string>()
    const endpoints = new Set<string>()
    for (const { active, warming } of this.listeners.values()) {
      for (const listener of [active, warming]) {
        if (listener === undefined) continue
        const needs = listenerNeeds(listener.proto)
        for (const name of needs.routes.keys()) routes.add(name)
        for (const name of needs.allExtensions) extensions.add(name)
        for (const name of needs.secrets) secrets.add(name)
      }
    }
    for (const { proto } of this.clusters.values()) {
      for (const name of clusterSecrets(proto)) secrets.add(name)
      const eds = proto.clusterDiscoveryType.case === 'type' && proto.clusterDiscoveryType.value === 3
      if (eds) endpoints.add(proto.edsClusterConfig?.serviceName || proto.name)
    }
    for (const { proto, version } of this.secrets.values()) if (version === '') secrets.delete(proto.name)
    this.#sync(ads, TypeUrl.endpoint, endpoints, this.endpoints)
    this.#sync(ads, TypeUrl.route, routes, this.routes)
    this.#sync(ads, TypeUrl.secret, secrets, undefined)
    this.#sync(ads, TypeUrl.extension, extensions, this.#extensions.all)
  }

  #sync(ads: AdsClient, type: string, wanted: ReadonlySet<string>, known: Map<string, unknown> | undefined): void {
    const present = ads.subscribed(type)
    const added = [...wanted].filter((name) => !present.has(name))
    const removed = [...present].filter((name) => !wanted.has(name))
    if (added.length > 0) ads.subscribe(type, added)
    if (removed.length === 0) return
    ads.unsubscribe(type, removed)
    for (const name of removed) known?.delete(name)
  }
}

function fail(reason: string | undefined): void {
  if (reason !== undefined) throw new Error(reason)
}
