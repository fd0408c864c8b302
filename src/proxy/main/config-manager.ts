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
import { Turns } from '../../base/turns.ts'
import { messageOf } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'
import { type AdsClient, type NamedResource, type RejectedResource, TypeUrl } from '../../xds/index.ts'
import { prepareService, type ServiceConfig } from '../filters/wasm/index.ts'
import { listenerPath } from '../listener/compile-listener.ts'
import { sharedMemoryForCells } from '../shared-cells.ts'
import { StatsStore } from '../stats/store.ts'
import type { SecretNeed } from '../tls/secret-need.ts'
import { DataPlane } from '../worker/data-plane.ts'
import type { ConfigOp, ForgetOp, ServiceOp } from '../worker/protocol.ts'
import { type Applier, SafeApplier } from './applier.ts'
import { ClusterUpdates } from './cluster-updates.ts'
import type { CountMemories } from './count-memories.ts'
import { type Delivered, decode, delivered, same } from './delivered.ts'
import { type Extension, ExtensionUpdates } from './extension-updates.ts'
import { FieldWatch } from './field-watch.ts'
import { type ListenPlaces, moveListener } from './listen-places.ts'
import { type ListenerState, ListenerUpdates, type RefusedListener } from './listener-updates.ts'
import { countLost, countUpdate, sdsPrefix, sdsStats } from './sds-stats.ts'
import { SecretFiles } from './secret-files.ts'
import { SecretUpdates } from './secret-updates.ts'
import { SecretWaits } from './secret-waits.ts'

const log = logger('proxy')

interface DeliveredRoutes extends Delivered<RouteConfiguration> {
  /** What all workers have of it, those too that begin later. */
  readonly memory: SharedArrayBuffer
}

export class ConfigManager {
  readonly #pool: SafeApplier
  readonly #trial: DataPlane
  readonly #clusters: ClusterUpdates
  readonly #listeners: ListenerUpdates
  readonly #extensions: ExtensionUpdates
  readonly #secrets: SecretUpdates
  readonly #secretFiles: SecretFiles
  readonly #waits: SecretWaits
  readonly #fields: FieldWatch
  /** What this thread counts. */
  readonly stats = new StatsStore()
  /** Secrets and what is made of them change one after the other, whoever delivers them. */
  readonly #turns = new Turns()
  #ads: AdsClient | undefined
  #syncing: NodeJS.Immediate | undefined
  #places: ListenPlaces = new Map()
  readonly routes = new Map<string, DeliveredRoutes>()
  readonly endpoints = new Map<string, Delivered<MessageShape<typeof ClusterLoadAssignmentSchema>>>()
  readonly #static = new Set<string>()
  readonly #services: ServiceOp[] = []
  /** The first listeners have come, or there is nobody to ask. */
  initialized = false
  #ready = false
  #changed: (() => void)[] = []

  constructor(pool: Applier, node: Node, drainMs: number, counts: CountMemories) {
    this.#pool = new SafeApplier(pool)
    this.#trial = new DataPlane(node, -1, { hasCluster: (name) => this.#clusters.names.has(name) })
    const inTurn = (work: () => Promise<void>) => this.#later(work)
    const users = {
      put: (key: string, secret: Secret) => this.#putSecret(key, secret),
      drop: (key: string) => this.#dropSecret(key),
      renew: async (key: string) => [...(await this.#clusters.renew(key)), ...(await this.#listeners.renew(key))],
      arrived: () => this.#warm(),
      inTurn,
    }
    this.#fields = new FieldWatch(this.stats, log)
    this.#extensions = new ExtensionUpdates(this.#pool, this.#trial.context, this.#fields, counts)
    this.#secrets = new SecretUpdates(users, this.#fields, this.stats, log)
    this.#secretFiles = new SecretFiles(this.#secrets, inTurn, this.stats, log)
    const { bad } = this.#secrets
    const come = (key: string) => this.secrets.has(key) || bad.has(key)
    this.#waits = new SecretWaits(come, () => inTurn(() => this.#warm()), this.stats)
    const ofSecrets = {
      secrets: this.secrets,
      settled: (need: SecretNeed) => this.#waits.settled(need),
      wait: (needs: readonly SecretNeed[]) => this.#waits.begin(needs),
      changed: () => this.#syncSoon(),
    }
    // Clusters change in turn with their secrets already.
    const ofClusters = { ...ofSecrets, openSecrets: (needs: readonly SecretNeed[]) => this.#secretFiles.open(needs) }
    this.#clusters = new ClusterUpdates(this.#pool, ofClusters, counts, this.stats, log)
    const surroundings = {
      ...ofSecrets,
      routes: this.routes,
      openSecrets: (needs: readonly SecretNeed[]) => this.#turns.take(() => this.#secretFiles.open(needs)),
      extensions: this.#extensions.all,
      warmed: () => this.notify(),
    }
    const settings = { node, drainMs, stats: this.stats, counts }
    this.#listeners = new ListenerUpdates(this.#pool, this.#trial.context, surroundings, settings, log)
  }

  /** Those in force. */
  get clusters(): ReadonlyMap<string, Delivered<Cluster>> {
    return this.#clusters.active
  }

  /** Those that wait for their secrets. */
  get warmingClusters(): ReadonlyMap<string, Delivered<Cluster>> {
    return this.#clusters.warming
  }

  get listeners(): ReadonlyMap<string, ListenerState> {
    return this.#listeners.states
  }

  get refusedListeners(): ReadonlyMap<string, RefusedListener> {
    return this.#listeners.refused
  }

  get extensions(): ReadonlyMap<string, Extension> {
    return this.#extensions.all
  }

  /** Those in force, by key. */
  get secrets(): ReadonlyMap<string, Delivered<Secret>> {
    return this.#secrets.all
  }

  /** Takes resources from a management server; its listeners are opened at `places`, where it names them. */
  connect(ads: AdsClient, places: ListenPlaces): void {
    this.#ads = ads
    this.#places = places
    ads
      .handle(TypeUrl.cluster, (resources, version) =>
        this.#recorded(
          'cds',
          version,
          this.#turns.take(() => this.#onClusters(resources, version)),
        ),
      )
      .handle(TypeUrl.endpoint, (resources, version) =>
        this.#recorded('eds', version, this.#onEndpoints(resources, version)),
      )
      .handle(TypeUrl.listener, (resources, version) =>
        this.#recorded('lds', version, this.#onListeners(resources, version)),
      )
      .handle(TypeUrl.route, (resources, version) => this.#recorded('rds', version, this.#onRoutes(resources, version)))
      .handle(TypeUrl.secret, (resources, version) =>
        this.#recorded(
          'sds',
          version,
          this.#turns.take(() => this.#onSecrets(resources, version)),
        ),
      )
      .handle(TypeUrl.extension, (resources, version) =>
        this.#recorded('ecds', version, this.#onExtensions(resources, version)),
      )
    // What the bootstrap's listeners and clusters need (Envoy asks for that first).
    this.#syncSubscriptions()
  }

  /** The stream to the management server has ended, or did not come about. */
  disconnected(): void {
    for (const name of this.#ads?.subscribed(TypeUrl.secret) ?? []) countLost(sdsStats(this.stats, name))
  }

  /** Resources of the bootstrap; throws on the first that cannot work. */
  async addStatic(
    listeners: readonly Listener[],
    clusters: readonly Cluster[],
    secrets: readonly Secret[],
    services: readonly ServiceConfig[],
  ): Promise<void> {
    for (const secret of secrets) await this.#secrets.addStatic(secret)
    for (const cluster of clusters) {
      this.#fields.look(ClusterSchema, cluster, `cluster "${cluster.name}"`)
      this.#static.add(`cluster ${cluster.name}`)
      fail(await this.#turns.take(() => this.#clusters.add(delivered(cluster, ''))))
    }
    for (const service of services) await this.#addService(service)
    for (const listener of listeners) {
      this.#fields.look(ListenerSchema, listener, listenerPath(listener))
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

  /** The first listeners are in force. As in Envoy that holds from then on: one that comes later and waits is no reason to serve nobody. */
  get ready(): boolean {
    return this.#ready || (this.initialized && [...this.listeners.values()].every(({ active }) => active !== undefined))
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
    this.#ready = this.ready
    for (const check of [...this.#changed]) check()
  }

  /** What a new worker has to be told. */
  fullState(): ConfigOp[] {
    const ops = this.#secrets.ops()
    for (const [name, { proto }] of this.endpoints) {
      ops.push({ kind: 'endpoints', name, bytes: toBinary(ClusterLoadAssignmentSchema, proto) })
    }
    ops.push(...this.#clusters.ops())
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
    clearImmediate(this.#syncing)
    this.#waits.close()
    this.#secretFiles.close()
    this.#secrets.close()
    this.#listeners.close()
  }

  async #recorded(
    type: string,
    version: string,
    work: Promise<readonly RejectedResource[]>,
  ): Promise<readonly RejectedResource[]> {
    const rejects = await work
    for (const { name, reason } of rejects) log.warn({ type, resource: name, version }, `refused: ${reason}`)
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
      else if (!same(this.#clusters.latest(name), proto, ClusterSchema)) {
        this.#fields.look(ClusterSchema, proto, `cluster "${name}"`)
        const reason = await this.#clusters.add(delivered(proto, version))
        if (reason !== undefined) rejects.push({ name, reason })
      }
    }
    const gone = [...this.#clusters.names].filter((name) => !seen.has(name) && !this.#static.has(`cluster ${name}`))
    await this.#clusters.remove(gone)
    this.#syncSubscriptions()
    return rejects
  }

  async #onEndpoints(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const ops: ConfigOp[] = []
    const found: Delivered<MessageShape<typeof ClusterLoadAssignmentSchema>>[] = []
    for (const { name, resource } of resources) {
      const proto = decode(ClusterLoadAssignmentSchema, resource)
      if (typeof proto === 'string') rejects.push({ name, reason: proto })
      else if (!same(this.endpoints.get(name)?.proto, proto, ClusterLoadAssignmentSchema)) {
        this.#fields.look(ClusterLoadAssignmentSchema, proto, `endpoints of "${name}"`)
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
      this.#fields.look(RouteConfigurationSchema, proto, `route_config "${name}"`)
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
    for (const { name, resource } of resources) {
      const proto = decode(SecretSchema, resource)
      const reason =
        typeof proto === 'string' ? proto : await this.#secrets.offer(name, proto, version, `secret "${name}"`)
      const stats = sdsStats(this.stats, name)
      stats.attempt.value++
      countUpdate(stats, reason)
      if (reason === undefined) continue
      rejects.push({ name, reason })
      await this.#secrets.giveUp(name)
    }
    return rejects
  }

  async #putSecret(key: string, secret: Secret): Promise<void> {
    this.#trial.setSecret(key, secret)
    await this.#pool.apply([{ kind: 'secret', name: key, bytes: toBinary(SecretSchema, secret) }])
  }

  async #dropSecret(key: string): Promise<void> {
    this.#trial.dropSecret(key)
    await this.#pool.apply([{ kind: 'remove-secret', name: key }])
  }

  /** Clusters and listeners that no longer wait for a secret. */
  async #warm(): Promise<void> {
    await this.#clusters.warm()
    await this.#listeners.warm()
  }

  // Listeners

  async #onListeners(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    this.#listeners.beginUpdate()
    const rejects: RejectedResource[] = []
    const told = new Set(resources.map(({ name }) => name))
    // First, as in Envoy (LdsApiImpl::onConfigUpdate): another may want their address.
    for (const name of [...this.listeners.keys()]) {
      if (!told.has(name) && !this.#static.has(`listener ${name}`)) await this.#listeners.remove(name)
    }
    for (const { name, resource } of resources) {
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
      this.#fields.look(ListenerSchema, proto, listenerPath(proto))
      const reason = await this.#listeners.add(delivered(proto, version))
      if (reason !== undefined) rejects.push({ name, reason })
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

  /** Once for the many listeners of an update; those that take their time do not keep the others from being asked for. */
  #syncSoon(): void {
    this.#syncing ??= setImmediate(() => this.#syncSubscriptions())
  }

  #syncSubscriptions(): void {
    clearImmediate(this.#syncing)
    this.#syncing = undefined
    this.#later(() => this.#secretFiles.keep(this.#secretNeeds()))
    const secretNeeds = this.#secretNeeds()
    this.#forgetStats(secretNeeds)
    this.#waits.keep(secretNeeds)
    const ads = this.#ads
    if (ads === undefined) return
    const routes = new Set<string>()
    const extensions = new Set<string>()
    const endpoints = new Set<string>()
    for (const needs of this.#listeners.needs()) {
      for (const name of needs.routes.keys()) routes.add(name)
      for (const name of needs.allExtensions) extensions.add(name)
    }
    for (const proto of this.#clusters.protos()) {
      const eds = proto.clusterDiscoveryType.case === 'type' && proto.clusterDiscoveryType.value === 3
      if (eds) endpoints.add(proto.edsClusterConfig?.serviceName || proto.name)
    }
    const secrets = new Set(secretNeeds.flatMap(({ name, file }) => (file === undefined ? [name] : [])))
    for (const [key, { version }] of this.secrets) if (version === '') secrets.delete(key)
    const asked = ads.subscribed(TypeUrl.secret)
    // Envoy counts the question beside each answer (GrpcSubscriptionImpl::start).
    for (const name of secrets) if (!asked.has(name)) sdsStats(this.stats, name).attempt.value++
    const forget = (known: Map<string, unknown>, what: ForgetOp['what']) => (name: string) => {
      // In front of whatever may come under this name later.
      if (known.delete(name)) void this.#pool.apply([{ kind: 'forget', what, name }])
    }
    this.#sync(ads, TypeUrl.endpoint, endpoints, forget(this.endpoints, 'endpoints'))
    this.#sync(ads, TypeUrl.route, routes, forget(this.routes, 'routes'))
    this.#sync(ads, TypeUrl.secret, secrets, (name) => this.#secrets.remove(name))
    this.#sync(ads, TypeUrl.extension, extensions, forget(this.#extensions.all, 'extension'))
  }

  /** What went with its cluster, listener or secret is counted no more. */
  #forgetStats(secretNeeds: readonly SecretNeed[]): void {
    this.stats.keepOnly('cluster.', this.#clusters.statPrefixes())
    this.stats.keepOnly('listener.', this.#listeners.statPrefixes())
    this.stats.keepOnly('sds.', new Set(secretNeeds.map(({ name }) => sdsPrefix(name))))
  }

  /** For what nobody waits for. */
  #later(work: () => void | Promise<void>): void {
    this.#turns.take(work).catch((error: unknown) => log.error(messageOf(error)))
  }

  #secretNeeds(): SecretNeed[] {
    return [...this.#clusters.needs(), ...this.#listeners.needs().flatMap(({ secrets }) => secrets)]
  }

  #sync(ads: AdsClient, type: string, wanted: ReadonlySet<string>, forget: (name: string) => void): void {
    const present = ads.subscribed(type)
    const added = [...wanted].filter((name) => !present.has(name))
    const removed = [...present].filter((name) => !wanted.has(name))
    if (added.length > 0) ads.subscribe(type, added)
    if (removed.length === 0) return
    ads.unsubscribe(type, removed)
    for (const name of removed) forget(name)
  }
}

function fail(reason: string | undefined): void {
  if (reason !== undefined) throw new Error(reason)
}
