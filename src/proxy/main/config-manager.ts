/**
 * The main thread's config: what was delivered, what it still waits for (warming), and what the workers run. Resources are tried
 * out here, then applied in all workers, and only then acknowledged; a refused one leaves what was there before in force.
 */
import { toBinary } from '@bufbuild/protobuf'
import { type Cluster, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import type { ClusterLoadAssignment } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { type Listener, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import type { RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { Turns } from '../../base/turns.ts'
import { messageOf } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'
import { type AdsClient, type NamedResource, type RejectedResource, TypeUrl } from '../../xds/index.ts'
import { prepareService, type ServiceConfig } from '../filters/wasm/index.ts'
import { listenerPath } from '../listener/compile-listener.ts'
import { StatsStore } from '../stats/store.ts'
import type { SecretNeed } from '../tls/secret-need.ts'
import { DataPlane } from '../worker/data-plane.ts'
import type { ConfigOp, ServiceOp } from '../worker/protocol.ts'
import { type Applier, SafeApplier } from './applier.ts'
import { ClusterUpdates } from './cluster-updates.ts'
import { Collection } from './collection.ts'
import type { CountMemories } from './count-memories.ts'
import type { Delivered } from './delivered.ts'
import { endpointsName } from './dependencies.ts'
import { DiscoveryStats } from './discovery-stats.ts'
import { EndpointUpdates } from './endpoint-updates.ts'
import { type Extension, ExtensionUpdates } from './extension-updates.ts'
import { FieldWatch } from './field-watch.ts'
import { FirstClusters } from './first-clusters.ts'
import { type ListenPlaces, moveListener } from './listen-places.ts'
import { type ListenerState, ListenerUpdates, type RefusedListener } from './listener-updates.ts'
import { RouteUpdates } from './route-updates.ts'
import { countLost, sdsPrefix, sdsStats } from './sds-stats.ts'
import { SecretFiles } from './secret-files.ts'
import { SecretUpdates } from './secret-updates.ts'
import { SecretWaits } from './secret-waits.ts'
import { Subscription } from './subscription.ts'

const log = logger('proxy')

/** Puts what it takes of a delivery into force; returns what it refuses. */
type Apply = (
  all: readonly NamedResource[],
  version: string,
  removed: readonly string[] | undefined,
) => Promise<readonly RejectedResource[]>

/** Hands each delivery on to the updates of its kind, and asks for what the resources in force or on their way name. */
export class ConfigManager {
  readonly #pool: SafeApplier
  readonly #trial: DataPlane
  readonly #clusters: ClusterUpdates
  readonly #endpoints: EndpointUpdates
  readonly #routes: RouteUpdates
  readonly #discovery: DiscoveryStats
  readonly #listeners: ListenerUpdates
  readonly #extensions: ExtensionUpdates
  readonly #secrets: SecretUpdates
  readonly #secretFiles: SecretFiles
  readonly #waits: SecretWaits
  readonly #fields: FieldWatch
  readonly #first: FirstClusters
  /** What this thread counts. */
  readonly stats = new StatsStore()
  /** Secrets and what is made of them change one after the other, whoever delivers them. */
  readonly #turns = new Turns()
  readonly #cds: Collection<Cluster>
  readonly #lds: Collection<Listener>
  readonly #asked: Readonly<Record<'eds' | 'rds' | 'sds' | 'ecds', Subscription>>
  #ads: AdsClient | undefined
  #syncing: NodeJS.Immediate | undefined
  #places: ListenPlaces = new Map()
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
    this.#endpoints = new EndpointUpdates(this.#pool, this.#fields)
    this.#routes = new RouteUpdates(this.#pool, this.#trial.context, this.#fields)
    this.#discovery = new DiscoveryStats(this.stats)
    const types = (name: string) => this.#listeners.needs().flatMap((one) => one.allExtensions.get(name) ?? [])
    this.#extensions = new ExtensionUpdates(this.#pool, this.#trial.context, this.#fields, counts, types)
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
    this.#first = new FirstClusters(this.#clusters, this.#endpoints.all, () => this.#askForListeners())
    const surroundings = {
      ...ofSecrets,
      routes: this.#routes.all,
      badRoutes: this.#routes.bad,
      openSecrets: (needs: readonly SecretNeed[]) => this.#turns.take(() => this.#secretFiles.open(needs)),
      extensions: this.#extensions.all,
      badExtensions: this.#extensions.bad,
      warmed: () => this.notify(),
    }
    this.#asked = {
      eds: new Subscription(TypeUrl.endpoint, this.#endpoints),
      rds: new Subscription(TypeUrl.route, this.#routes),
      sds: new Subscription(TypeUrl.secret, this.#secrets),
      ecds: new Subscription(TypeUrl.extension, this.#extensions),
    }
    const settings = { node, drainMs, stats: this.stats, counts }
    this.#listeners = new ListenerUpdates(this.#pool, this.#trial.context, surroundings, settings, log)
    this.#cds = new Collection(
      {
        schema: ClusterSchema,
        kind: 'cluster',
        path: ({ name }) => `cluster "${name}"`,
        removesFirst: false,
      },
      this.#clusters,
      this.#fields,
    )
    this.#lds = new Collection(
      {
        schema: ListenerSchema,
        kind: 'listener',
        path: listenerPath,
        // As in Envoy (LdsApiImpl::onConfigUpdate): another may want their address.
        removesFirst: true,
        arrived: (listener) => moveListener(listener, this.#places),
      },
      this.#listeners,
      this.#fields,
    )
  }

  /** Of the last responses that changed something. */
  get versions(): Readonly<Record<'cds' | 'lds', string>> {
    return { cds: this.#cds.version, lds: this.#lds.version }
  }

  /** Those in force. */
  get clusters(): ReadonlyMap<string, Delivered<Cluster>> {
    return this.#clusters.active
  }

  /** Those that wait for their secrets. */
  get warmingClusters(): ReadonlyMap<string, Delivered<Cluster>> {
    return this.#clusters.warming
  }

  get endpoints(): ReadonlyMap<string, Delivered<ClusterLoadAssignment>> {
    return this.#endpoints.all
  }

  get routes(): ReadonlyMap<string, Delivered<RouteConfiguration>> {
    return this.#routes.all
  }

  get listeners(): ReadonlyMap<string, ListenerState> {
    return this.#listeners.states
  }

  get refusedListeners(): ReadonlyMap<string, RefusedListener> {
    return this.#listeners.refused
  }

  /** Some listener takes filters from elsewhere. */
  get discoversExtensions(): boolean {
    return this.#listeners.needs().some(({ allExtensions }) => allExtensions.size > 0)
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
    const { eds, rds, sds, ecds } = this.#asked
    for (const asked of [eds, rds, sds, ecds]) asked.connect(ads)
    const handle = (xds: string, typeUrl: string, apply: Apply) =>
      ads.handle(typeUrl, async (resources, version, removed) => {
        const rejects = await apply(resources, version, removed)
        for (const { name, reason } of rejects) log.warn({ type: xds, resource: name, version }, `refused: ${reason}`)
        if (xds === 'lds' || xds === 'cds') this.#discovery.handled(xds, rejects.length > 0)
        if (xds === 'lds') this.initialized = true
        if (xds === 'cds') this.#first.answered()
        if (xds === 'eds' && rejects.length > 0) this.#first.endpointsRefused()
        this.notify()
        return rejects
      })
    handle('cds', TypeUrl.cluster, (...update) => this.#turns.take(() => this.#thenSync(this.#cds.take(...update))))
    handle('eds', TypeUrl.endpoint, (all, _, removed) => eds.take(all, removed))
    handle('lds', TypeUrl.listener, (...update) => this.#thenSync(this.#lds.take(...update)))
    handle('rds', TypeUrl.route, (all, _, removed) => this.#thenWarm(rds.take(all, removed)))
    handle('sds', TypeUrl.secret, (all, _, removed) => this.#turns.take(() => sds.take(all, removed)))
    handle('ecds', TypeUrl.extension, (all, _, removed) => this.#thenWarm(ecds.take(all, removed)))
    // What the bootstrap's listeners and clusters need (Envoy asks for that first).
    this.#syncSubscriptions()
  }

  /**
   * Asks for clusters, and for listeners when those can be used. `timeoutMs`: how long an answer is waited for, 0 for ever; undefined:
   * the bootstrap wants no clusters.
   */
  ask(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) {
      this.#askForListeners()
      return
    }
    this.#discovery.asked('cds')
    this.#ads?.subscribe(TypeUrl.cluster)
    this.#first.asked(timeoutMs)
  }

  #askForListeners(): void {
    this.#discovery.asked('lds')
    this.#ads?.subscribe(TypeUrl.listener)
  }

  /** The management server has answered. */
  connected(): void {
    this.#discovery.connected()
  }

  /** The stream to the management server has ended, or did not come about. */
  disconnected(): void {
    this.#discovery.lost()
    for (const name of this.#asked.sds.names) countLost(sdsStats(this.stats, name))
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
      fail(await this.#turns.take(() => this.#cds.addStatic(cluster)))
    }
    for (const service of services) await this.#addService(service)
    for (const listener of listeners) {
      fail(await this.#lds.addStatic(listener))
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
    this.#first.look()
    this.#ready = this.ready
    for (const check of [...this.#changed]) check()
  }

  /** What a new worker has to be told. */
  fullState(): ConfigOp[] {
    return [
      ...this.#secrets.ops(),
      ...this.#endpoints.ops(),
      ...this.#clusters.ops(),
      ...this.#routes.ops(),
      ...this.#extensions.ops(),
      ...this.#services,
      ...this.#listeners.ops(),
    ]
  }

  /** Where active listeners listen. */
  addresses(): { name: string; address: string; port: number }[] {
    return this.#listeners.addresses()
  }

  close(): void {
    clearImmediate(this.#syncing)
    this.#first.close()
    this.#waits.close()
    this.#secretFiles.close()
    this.#secrets.close()
    this.#listeners.close()
  }

  // Secrets

  async #putSecret(key: string, secret: Secret): Promise<void> {
    this.#trial.setSecret(key, secret)
    await this.#pool.apply([{ kind: 'secret', name: key, bytes: toBinary(SecretSchema, secret) }])
  }

  async #dropSecret(key: string): Promise<void> {
    this.#trial.dropSecret(key)
    await this.#pool.apply([{ kind: 'remove-secret', name: key }])
  }

  /** Other resources may be needed now, and some no more. */
  async #thenSync(taken: Promise<readonly RejectedResource[]>): Promise<readonly RejectedResource[]> {
    const rejects = await taken
    this.#syncSubscriptions()
    return rejects
  }

  /** Listeners may have waited for what was taken. */
  async #thenWarm(taken: Promise<readonly RejectedResource[]>): Promise<readonly RejectedResource[]> {
    const rejects = await taken
    await this.#listeners.warm()
    return rejects
  }

  /** Clusters and listeners that no longer wait for a secret. */
  async #warm(): Promise<void> {
    await this.#clusters.warm()
    await this.#listeners.warm()
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
    this.#subscribe(secretNeeds)
  }

  #subscribe(secretNeeds: readonly SecretNeed[]): void {
    const needs = this.#listeners.needs()
    const secrets = new Set(secretNeeds.flatMap(({ name, file }) => (file === undefined ? [name] : [])))
    for (const [key, { version }] of this.secrets) if (version === '') secrets.delete(key)
    this.#asked.eds.keep(new Set(this.#clusters.protos().flatMap(endpointsName)))
    this.#asked.rds.keep(new Set(needs.flatMap((one) => [...one.routes.keys()])))
    // Envoy counts the question beside each answer (GrpcSubscriptionImpl::start).
    for (const name of this.#asked.sds.keep(secrets)) sdsStats(this.stats, name).attempt.value++
    this.#asked.ecds.keep(new Set(needs.flatMap((one) => [...one.allExtensions.keys()])))
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
}

function fail(reason: string | undefined): void {
  if (reason !== undefined) throw new Error(reason)
}
