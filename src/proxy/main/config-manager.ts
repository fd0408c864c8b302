/**
 * The main thread's config: what was delivered, what it still waits for (warming), and what the workers run. Resources are tried
 * out here, then applied in all workers, and only then acknowledged; a refused one leaves what was there before in force.
 */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { type Cluster, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { type Listener, ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { messageOf } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'
import type { AdsClient, NamedResource, RejectedResource } from '../../xds/index.ts'
import { TypeUrl } from '../../xds/index.ts'
import { socketAddress } from '../cluster/endpoints.ts'
import { messageName, unpack } from '../config/any.ts'
import { compileListener } from '../listener/compile-listener.ts'
import { DataPlane } from '../worker/data-plane.ts'
import type { ConfigOp, ExtensionOp, ListenerOp, OpResult } from '../worker/protocol.ts'
import { clusterSecrets, type ListenerNeeds, listenerNeeds } from './dependencies.ts'
import { type ListenPlaces, moveListener } from './listen-places.ts'
import { prepareListener } from './prepare.ts'

const log = logger('proxy')

export interface Applier {
  apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]>
}

/** One delivered resource. */
export interface Delivered<T> {
  readonly proto: T
  readonly version: string
  readonly updated: Date
}

export interface ListenerState {
  active: Delivered<Listener> | undefined
  warming: Delivered<Listener> | undefined
  ports: readonly number[] | undefined
  error: string | undefined
}

interface Warming {
  readonly delivered: Delivered<Listener>
  readonly needs: ListenerNeeds
  readonly prepared: ReadonlyMap<string, unknown>
  /** Names whose `initial_fetch_timeout` is over. */
  readonly givenUp: Set<string>
  readonly timers: NodeJS.Timeout[]
}

interface Extension {
  readonly op: ExtensionOp
  readonly version: string
  readonly updated: Date
}

export class ConfigManager {
  readonly #pool: SafeApplier
  readonly #trial: DataPlane
  readonly #node: Node
  readonly #reusePort: boolean
  readonly #drainMs: number
  #ads: AdsClient | undefined
  #places: ListenPlaces = new Map()
  readonly listeners = new Map<string, ListenerState>()
  readonly clusters = new Map<string, Delivered<Cluster>>()
  readonly routes = new Map<string, Delivered<MessageShape<typeof RouteConfigurationSchema>>>()
  readonly endpoints = new Map<string, Delivered<MessageShape<typeof ClusterLoadAssignmentSchema>>>()
  readonly secrets = new Map<string, Delivered<Secret>>()
  readonly extensions = new Map<string, Extension>()
  readonly #static = new Set<string>()
  readonly #warming = new Map<string, Warming>()
  readonly #prepared = new Map<string, ReadonlyMap<string, unknown>>()
  readonly rejected = new Map<string, { reason: string; version: string; at: Date }>()
  /** The first listeners have come, or there is nobody to ask. */
  initialized = false
  #changed: (() => void)[] = []

  constructor(pool: Applier, node: Node, reusePort: boolean, drainMs: number) {
    this.#pool = new SafeApplier(pool)
    this.#node = node
    this.#reusePort = reusePort
    this.#drainMs = drainMs
    this.#trial = new DataPlane(node, -1)
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
  ): Promise<void> {
    for (const secret of secrets) await this.#applySecret(delivered(secret, ''))
    for (const cluster of clusters) {
      this.#static.add(`cluster ${cluster.name}`)
      fail(await this.#applyCluster(delivered(cluster, '')))
    }
    for (const listener of listeners) {
      this.#static.add(`listener ${listener.name}`)
      fail(await this.#addListener(delivered(listener, '')))
    }
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
    for (const [name, { proto }] of this.routes)
      ops.push({ kind: 'routes', name, bytes: toBinary(RouteConfigurationSchema, proto) })
    for (const { op } of this.extensions.values()) ops.push(op)
    for (const [name, { active, ports }] of this.listeners) {
      if (active !== undefined)
        ops.push(this.#listenerOp(name, active.proto, this.#prepared.get(name) ?? new Map(), ports))
    }
    return ops
  }

  /** Where active listeners listen. */
  addresses(): { name: string; address: string; port: number }[] {
    const result: { name: string; address: string; port: number }[] = []
    for (const [name, { active, ports }] of this.listeners) {
      if (active === undefined) continue
      const { address, additionalAddresses } = active.proto
      ;[address, ...additionalAddresses.map((one) => one.address)].forEach((one, i) => {
        const { ip, port } = socketAddress(one, name)
        result.push({ name, address: ip, port: ports?.[i] ?? port })
      })
    }
    return result
  }

  close(): void {
    for (const { timers } of this.#warming.values()) for (const timer of timers) clearTimeout(timer)
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
      else if (!this.#same(this.clusters.get(name)?.proto, proto, ClusterSchema)) {
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
      else if (!this.#same(this.endpoints.get(name)?.proto, proto, ClusterLoadAssignmentSchema)) {
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
      if (this.#same(this.routes.get(name)?.proto, proto, RouteConfigurationSchema)) continue
      const [{ error }] = await this.#pool.apply([{ kind: 'routes', name, bytes: resource.value }])
      if (error === undefined) this.routes.set(name, delivered(proto, version))
      else rejects.push({ name, reason: error })
    }
    await this.#warm()
    return rejects
  }

  // Secrets

  async #onSecrets(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    const changed = new Set<string>()
    for (const { name, resource } of resources) {
      const proto = decode(SecretSchema, resource)
      if (typeof proto === 'string') rejects.push({ name, reason: proto })
      else if (!this.#same(this.secrets.get(name)?.proto, proto, SecretSchema)) {
        await this.#applySecret(delivered(proto, version))
        changed.add(name)
      }
    }
    rejects.push(...(await this.#reapplySecretUsers(changed)))
    await this.#warm()
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
    for (const [name, { active, ports }] of this.listeners) {
      if (active === undefined) continue
      const used = [...listenerNeeds(active.proto).secrets].find((secret) => changed.has(secret))
      if (used === undefined) continue
      const [{ error }] = await this.#pool.apply([
        this.#listenerOp(name, active.proto, this.#prepared.get(name) ?? new Map(), ports),
      ])
      if (error !== undefined) rejects.push({ name: used, reason: `listener ${name}: ${error}` })
    }
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
      if (this.#same((known?.warming ?? known?.active)?.proto, proto, ListenerSchema)) continue
      const reason = await this.#addListener(delivered(proto, version))
      if (reason !== undefined) rejects.push({ name, reason })
    }
    for (const name of [...this.listeners.keys()]) {
      if (!seen.has(name) && !this.#static.has(`listener ${name}`)) await this.#removeListener(name)
    }
    this.#syncSubscriptions()
    return rejects
  }

  async #addListener(listener: Delivered<Listener>): Promise<string | undefined> {
    const { proto } = listener
    const state = this.listeners.get(proto.name) ?? {
      active: undefined,
      warming: undefined,
      ports: undefined,
      error: undefined,
    }
    let needs: ListenerNeeds
    let prepared: ReadonlyMap<string, unknown>
    try {
      needs = listenerNeeds(proto)
      const secretsThere = [...needs.secrets].every((name) => this.secrets.has(name))
      prepared = await prepareListener(proto, this.#trial.context, { node: this.#node, log })
      // Without its certificates a listener cannot be tried out; it is when they come.
      if (secretsThere) (await compileListener(proto, this.#trial.context, prepared)).close()
    } catch (error) {
      state.error = messageOf(error)
      if (state.active === undefined) this.listeners.delete(proto.name)
      return messageOf(error)
    }
    this.listeners.set(proto.name, state)
    this.#stopWarming(proto.name)
    state.warming = listener
    const warming: Warming = { delivered: listener, needs, prepared, givenUp: new Set(), timers: [] }
    this.#warming.set(proto.name, warming)
    this.#syncSubscriptions()
    if (!this.#satisfied(warming)) {
      this.#armTimers(warming)
      return undefined
    }
    return this.#activate(proto.name, warming)
  }

  #armTimers(warming: Warming): void {
    const waits = [...warming.needs.routes, ...warming.needs.extensions].filter(([, ms]) => ms > 0)
    for (const [name, ms] of waits) {
      const timer = setTimeout(() => {
        warming.givenUp.add(name)
        void this.#warm()
      }, ms)
      warming.timers.push(timer.unref())
    }
  }

  #satisfied({ needs, givenUp }: Warming): boolean {
    const has = (known: ReadonlyMap<string, unknown>, name: string) => known.has(name) || givenUp.has(name)
    return (
      [...needs.routes.keys()].every((name) => has(this.routes, name)) &&
      [...needs.extensions.keys()].every((name) => has(this.extensions, name)) &&
      [...needs.secrets].every((name) => this.secrets.has(name))
    )
  }

  /** Listeners whose last missing piece has come. */
  async #warm(): Promise<void> {
    for (const [name, warming] of [...this.#warming]) {
      if (!this.#satisfied(warming) || this.#warming.get(name) !== warming) continue
      const error = await this.#activate(name, warming)
      if (error !== undefined) log.error({ listener: name }, `cannot be put into force: ${error}`)
    }
    this.notify()
  }

  async #activate(name: string, warming: Warming): Promise<string | undefined> {
    this.#stopWarming(name)
    const state = this.listeners.get(name) as ListenerState
    state.warming = undefined
    const op = this.#listenerOp(name, warming.delivered.proto, warming.prepared, state.ports)
    const [{ error, ports }] = await this.#pool.apply([op])
    state.error = error
    if (error !== undefined) {
      if (state.active === undefined) this.listeners.delete(name)
      return error
    }
    state.active = warming.delivered
    if (ports !== undefined && ports.length > 0) state.ports = ports
    this.#prepared.set(name, warming.prepared)
    return undefined
  }

  #stopWarming(name: string): void {
    const warming = this.#warming.get(name)
    if (warming !== undefined) for (const timer of warming.timers) clearTimeout(timer)
    this.#warming.delete(name)
  }

  async #removeListener(name: string): Promise<void> {
    this.#stopWarming(name)
    this.listeners.delete(name)
    this.#prepared.delete(name)
    await this.#pool.apply([{ kind: 'remove-listener', name, drainMs: this.#drainMs }])
  }

  #listenerOp(
    name: string,
    proto: Listener,
    prepared: ReadonlyMap<string, unknown>,
    ports: readonly number[] | undefined,
  ): ListenerOp {
    const bytes = toBinary(ListenerSchema, proto)
    return { kind: 'listener', name, bytes, prepared, ports, reusePort: this.#reusePort }
  }

  // Extensions

  async #onExtensions(resources: readonly NamedResource[], version: string): Promise<readonly RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const { name, resource } of resources) {
      const reason = await this.#applyExtension(name, resource, version)
      if (reason !== undefined) rejects.push({ name, reason })
    }
    await this.#warm()
    return rejects
  }

  async #applyExtension(name: string, resource: Any, version: string): Promise<string | undefined> {
    const proto = decode(TypedExtensionConfigSchema, resource)
    if (typeof proto === 'string') return proto
    const { typedConfig } = proto
    if (typedConfig === undefined) return 'typed_config is missing'
    const known = this.extensions.get(name)
    const same =
      known !== undefined && known.op.typeUrl === typedConfig.typeUrl && equal(known.op.bytes, typedConfig.value)
    // One that failed to start may start now: its module file may have come, its upstream may be up.
    if (same && known.op.failure === undefined) return undefined
    const base = { kind: 'extension', name, typeUrl: typedConfig.typeUrl, bytes: typedConfig.value } as const
    let reason: string
    try {
      const { typeName, message } = unpack(typedConfig, `extension "${name}"`)
      const { httpFilters, networkFilters } = this.#trial.context
      const factory = httpFilters.find(typeName) ?? networkFilters.find(typeName)
      if (factory === undefined || message === undefined)
        return `unknown filter type ${messageName(typedConfig.typeUrl)}`
      const prepared = await factory.prepare?.(message as never, { node: this.#node, log })
      const op: ExtensionOp = { ...base, prepared, failure: undefined }
      const [{ error }] = await this.#pool.apply([op])
      if (error === undefined) {
        this.extensions.set(name, { op, version, updated: new Date() })
        return undefined
      }
      reason = error
      if (factory.createFailed === undefined) return reason
    } catch (error) {
      reason = messageOf(error)
    }
    if (known !== undefined && known.op.failure === undefined) return reason
    // There is no good one to keep: traffic gets what the config wants to happen in this case, not a closed port.
    const op: ExtensionOp = { ...base, prepared: undefined, failure: reason }
    const [{ error }] = await this.#pool.apply([op])
    if (error === undefined) this.extensions.set(name, { op, version, updated: new Date() })
    return reason
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
    this.#sync(ads, TypeUrl.extension, extensions, this.extensions)
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

  #same<D extends DescMessage>(a: MessageShape<D> | undefined, b: MessageShape<D>, schema: D): boolean {
    return a !== undefined && equal(toBinary(schema, a), toBinary(schema, b))
  }
}

/** A batch that cannot be applied at all (a port is taken) is a batch of refused ops. */
class SafeApplier implements Applier {
  readonly #pool: Applier

  constructor(pool: Applier) {
    this.#pool = pool
  }

  async apply(ops: readonly ConfigOp[]): Promise<readonly OpResult[]> {
    try {
      return await this.#pool.apply(ops)
    } catch (error) {
      return ops.map(() => ({ error: messageOf(error) }))
    }
  }
}

function delivered<T>(proto: T, version: string): Delivered<T> {
  return { proto, version, updated: new Date() }
}

function decode<D extends DescMessage>(schema: D, any: Any): MessageShape<D> | string {
  if (messageName(any.typeUrl) !== schema.typeName) return `expected ${schema.typeName}, not ${any.typeUrl}`
  return attempt(() => fromBinary(schema, any.value))
}

/** The value, or why there is none. */
function attempt<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    return messageOf(error)
  }
}

function fail(reason: string | undefined): void {
  if (reason !== undefined) throw new Error(reason)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
