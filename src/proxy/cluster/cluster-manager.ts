import type { Cluster as ClusterProto } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { ClusterLoadAssignment } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { invalid } from '../config/fields.ts'
import type { InternalListeners } from '../network/internal-listeners.ts'
import type { CountPlace } from '../process-count.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { StatsStore } from '../stats/store.ts'
import type { SecretSource } from '../tls/secrets.ts'
import type { AsyncClient, AsyncStream, AsyncStreamCallbacks, AsyncStreamOptions } from './async-client.ts'
import { AsyncUpstream } from './async-upstream.ts'
import { Cluster } from './cluster.ts'
import { compileAssignment, noNames } from './endpoints.ts'
import type { LocalZones } from './lb/local-zones.ts'

interface Warming {
  readonly cluster: Cluster
  readonly timer: NodeJS.Timeout | undefined
}

/** All clusters of one worker. */
export class ClusterManager implements AsyncClient {
  readonly #clusters = new Map<string, Cluster>()
  /** Those that wait for their hosts before they take the place of another (Envoy, too): else there would be none in between. */
  readonly #warming = new Map<string, Warming>()
  /** Endpoints may come before their cluster does (EDS is asked for by name). */
  readonly #endpoints = new Map<string, ClusterLoadAssignment>()
  readonly #secrets: SecretSource
  readonly #stats: StatsStore
  readonly #internal: InternalListeners
  readonly #local: LocalZones | undefined

  /** `local`: of the cluster that this proxy belongs to, where the bootstrap names one. */
  constructor(secrets: SecretSource, stats: StatsStore, internal: InternalListeners, local?: LocalZones) {
    this.#local = local
    this.#internal = internal
    this.#secrets = secrets
    this.#stats = stats
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name)
  }

  get all(): Iterable<Cluster> {
    return this.#clusters.values()
  }

  /** Makes a cluster without using it yet; throws when the config cannot work. `place`: of what all threads count together. */
  prepare(proto: ClusterProto, place?: CountPlace): Cluster {
    const isLocal = proto.name === this.#local?.clusterName
    if (isLocal) onePriority(proto.loadAssignment, `cluster "${proto.name}".load_assignment`)
    const local = isLocal ? undefined : this.#local
    const stats = this.#stats.owned()
    let cluster: Cluster
    try {
      cluster = new Cluster(proto, this.#secrets, stats, this.#internal, local, place)
    } catch (error) {
      stats.close()
      throw error
    }
    cluster.closed = () => stats.close()
    const endpoints = this.#endpoints.get(cluster.config.edsName)
    if (cluster.config.discovery === 'eds' && endpoints !== undefined) cluster.updateEndpoints(endpoints)
    return cluster
  }

  /** A secret that it uses has changed, which as in Envoy makes no new cluster: health and ejections stay. */
  prepareRenewal(name: string): () => void {
    const renewals = [this.#clusters.get(name), this.#warming.get(name)?.cluster].map((cluster) =>
      cluster?.prepareRenewal(),
    )
    return () => {
      for (const renew of renewals) renew?.()
    }
  }

  /** Requests under way finish on the cluster that they began with; calls of the proxy itself do not. */
  install(cluster: Cluster): void {
    const { name } = cluster
    this.#stopWarming(name)
    if (cluster.ready || this.#clusters.get(name)?.ready !== true) {
      this.#use(cluster)
      return
    }
    const warmed = () => {
      cluster.changed = undefined
      clearTimeout(timer)
      this.#warming.delete(name)
      this.#use(cluster)
    }
    const { discovery, edsTimeoutMs } = cluster.config
    // Names are looked up until there is an answer, if only that there is none.
    const timer = discovery === 'eds' && edsTimeoutMs > 0 ? setTimeout(warmed, edsTimeoutMs).unref() : undefined
    this.#warming.set(name, { cluster, timer })
    cluster.changed = warmed
  }

  #stopWarming(name: string): void {
    const warming = this.#warming.get(name)
    if (warming === undefined) return
    clearTimeout(warming.timer)
    this.#warming.delete(name)
    warming.cluster.close()
  }

  #use(cluster: Cluster): void {
    const before = this.#clusters.get(cluster.name)
    before?.calls.end()
    before?.close()
    this.#clusters.set(cluster.name, cluster)
    const local = this.#local
    if (local?.clusterName !== cluster.name) return
    cluster.changed = () => local.update(cluster.hosts)
    cluster.changed()
  }

  remove(name: string): void {
    this.#stopWarming(name)
    const cluster = this.#clusters.get(name)
    this.#clusters.delete(name)
    cluster?.calls.end()
    cluster?.close()
  }

  /** Throws when the endpoints cannot be taken. */
  checkEndpoints(proto: ClusterLoadAssignment): void {
    const path = `endpoints of "${proto.clusterName}"`
    noNames(compileAssignment(proto, path).endpoints, path)
    const local = this.#local?.clusterName
    if (this.#askingFor(proto.clusterName).some(({ name }) => name === local)) onePriority(proto, path)
  }

  updateEndpoints(proto: ClusterLoadAssignment): void {
    this.#endpoints.set(proto.clusterName, proto)
    for (const cluster of this.#askingFor(proto.clusterName)) cluster.updateEndpoints(proto)
  }

  /** Those in force and those that are to follow them. */
  #askingFor(edsName: string): Cluster[] {
    const warming = [...this.#warming.values()].map(({ cluster }) => cluster)
    return [...this.#clusters.values(), ...warming].filter(
      ({ config }) => config.discovery === 'eds' && config.edsName === edsName,
    )
  }

  /** The cluster is there no more, nor is any other with the same endpoints. */
  forgetEndpoints(name: string): void {
    this.#endpoints.delete(name)
  }

  statsOf(name: string): StatsScope | undefined {
    return this.#clusters.get(name)?.scope
  }

  hasCluster(name: string): boolean {
    return this.#clusters.has(name)
  }

  start(name: string, callbacks: AsyncStreamCallbacks, options: AsyncStreamOptions = {}): AsyncStream | undefined {
    const cluster = this.#clusters.get(name)
    return cluster && new AsyncUpstream(cluster, callbacks, options)
  }

  close(): void {
    for (const name of [...this.#warming.keys()]) this.#stopWarming(name)
    for (const cluster of this.#clusters.values()) cluster.close()
    this.#clusters.clear()
  }
}

/** Zones are compared by the proxies of priority 0; Envoy takes no others, either. */
function onePriority(proto: ClusterLoadAssignment | undefined, path: string): void {
  proto?.endpoints.forEach(({ priority }, i) => {
    if (priority !== 0) throw invalid(`${path}.endpoints[${i}].priority`, 'must be 0 in the local cluster')
  })
}
