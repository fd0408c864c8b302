import { toBinary } from '@bufbuild/protobuf'
import { type Cluster, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { StatsStore } from '../stats/store.ts'
import type { SecretNeed } from '../tls/secret-need.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import type { Applier } from './applier.ts'
import type { CollectedUpdates } from './collection.ts'
import type { CountMemories } from './count-memories.ts'
import { attempt, type Delivered } from './delivered.ts'
import { clusterSecrets } from './dependencies.ts'

interface DeliveredCluster extends Delivered<Cluster> {
  /** What all threads count together of it, those too that begin later. */
  readonly memory?: SharedArrayBuffer | undefined
}

/** What clusters wait for, and who is told. */
interface ClusterSurroundings {
  readonly secrets: ReadonlyMap<string, unknown>
  /** Reads secrets that come by files; throws where there are no such files. */
  openSecrets(needs: readonly SecretNeed[]): Promise<void>
  /** There is nothing to wait for. */
  settled(need: SecretNeed): boolean
  wait(needs: readonly SecretNeed[]): void
  /** What they need has changed. */
  changed(): void
}

/** The clusters: kept warm until their secrets are there or have been waited for long enough, then put into force in the workers. */
export class ClusterUpdates implements CollectedUpdates<Cluster> {
  readonly active = new Map<string, DeliveredCluster>()
  readonly warming = new Map<string, Delivered<Cluster>>()
  /** Of those, what could not be put into force. */
  readonly #refused = new WeakSet<Delivered<Cluster>>()
  readonly #pool: Applier
  readonly #needs: ClusterSurroundings
  readonly #counts: CountMemories
  readonly #stats: StatsStore
  readonly #log: Logger

  constructor(pool: Applier, needs: ClusterSurroundings, counts: CountMemories, stats: StatsStore, log: Logger) {
    this.#pool = pool
    this.#needs = needs
    this.#counts = counts
    this.#stats = stats
    this.#log = log
  }

  /** The one that was delivered last. */
  latest(name: string): Cluster | undefined {
    return (this.warming.get(name) ?? this.active.get(name))?.proto
  }

  get names(): Set<string> {
    return new Set([...this.active.keys(), ...this.warming.keys()])
  }

  /** None waits for its secrets. */
  get isWarm(): boolean {
    return [...this.warming.values()].every((cluster) => this.#refused.has(cluster))
  }

  /** All, in force or not yet. */
  protos(): Cluster[] {
    return [...this.active.values(), ...this.warming.values()].map(({ proto }) => proto)
  }

  needs(): SecretNeed[] {
    return this.protos().flatMap(clusterSecrets)
  }

  /** What the names of this thread's statistics of clusters begin with. */
  statPrefixes(): Set<string> {
    return new Set(this.protos().map(tlsStatsPrefix))
  }

  /** What brings a new worker to the present state. */
  ops(): ConfigOp[] {
    return [...this.active].map(([name, { proto, memory }]) => ({
      kind: 'cluster',
      name,
      bytes: toBinary(ClusterSchema, proto),
      memory,
    }))
  }

  /** Puts a cluster into force, now or when its secrets have come; or says why it is refused. */
  async add(cluster: Delivered<Cluster>): Promise<string | undefined> {
    const { proto } = cluster
    const secrets = attempt(() => clusterSecrets(proto))
    if (typeof secrets === 'string') return secrets
    const news = this.latest(proto.name) === undefined ? 'added' : 'modified'
    const awaited = this.#absent(secrets)
    const unread = await this.#needs.openSecrets(secrets).then(() => undefined, messageOf)
    if (unread !== undefined) return unread
    if (!this.#settled(secrets)) {
      this.warming.set(proto.name, cluster)
      this.#needs.wait(secrets)
      this.#needs.changed()
      this.#count(news)
      return undefined
    }
    const error = await this.#apply(cluster)
    if (error !== undefined) return error
    this.#countUpdates(proto, awaited - this.#absent(secrets))
    this.#count(news)
    return undefined
  }

  async remove(names: readonly string[]): Promise<void> {
    const known = names.filter((name) => this.active.has(name))
    if (known.length > 0) await this.#pool.apply(known.map((name) => ({ kind: 'remove-cluster', name })))
    for (const name of names) {
      this.#count('removed')
      this.active.delete(name)
      this.warming.delete(name)
    }
  }

  /** Those whose last missing secret has come, or is waited for no longer; once, as only another secret of theirs can help. */
  async warm(): Promise<void> {
    for (const [name, cluster] of [...this.warming]) {
      if (this.#refused.has(cluster)) continue
      const error = await this.#warm(cluster)
      if (error !== undefined) this.#log.error({ cluster: name }, `cannot be put into force: ${error}`)
    }
  }

  async #warm(cluster: Delivered<Cluster>): Promise<string | undefined> {
    if (!this.#settled(clusterSecrets(cluster.proto))) return undefined
    const error = await this.#apply(cluster)
    // What only the one before needed is needed no more.
    this.#needs.changed()
    if (error === undefined) this.#refused.delete(cluster)
    else this.#refused.add(cluster)
    return error
  }

  async #renew(name: string): Promise<string | undefined> {
    const [{ error }] = await this.#pool.apply([{ kind: 'renew-cluster', name }])
    return error
  }

  /** Makes those anew that use this secret, because TLS contexts read their secrets once; says which refuse it, and why. */
  async renew(secret: string): Promise<string[]> {
    const refusals: string[] = []
    for (const list of [this.active, this.warming]) {
      for (const [name, cluster] of [...list]) {
        const secrets = clusterSecrets(cluster.proto)
        const uses = secrets.filter(({ key }) => key === secret).length
        if (uses === 0) continue
        const error = list === this.active ? await this.#renew(name) : await this.#warm(cluster)
        if (error !== undefined) refusals.push(`cluster ${name}: ${error}`)
        else this.#countUpdates(cluster.proto, uses)
      }
    }
    return refusals
  }

  async #apply(cluster: Delivered<Cluster>): Promise<string | undefined> {
    const { proto } = cluster
    // Like Envoy's, the counts of a cluster begin anew when it is replaced: what is under way stays with the old one.
    const memory = this.#counts.make()
    const [{ error }] = await this.#pool.apply([
      { kind: 'cluster', name: proto.name, bytes: toBinary(ClusterSchema, proto), memory },
    ])
    if (error !== undefined) return error
    this.warming.delete(proto.name)
    this.active.set(proto.name, { ...cluster, memory })
    return undefined
  }

  #settled(secrets: readonly SecretNeed[]): boolean {
    return secrets.every((need) => this.#needs.settled(need))
  }

  #absent(secrets: readonly SecretNeed[]): number {
    return secrets.filter(({ key }) => !this.#needs.secrets.has(key)).length
  }

  #count(news: 'added' | 'modified' | 'removed'): void {
    this.#stats.counter(`cluster_manager.cluster_${news}`).value++
  }

  #countUpdates(cluster: Cluster, count: number): void {
    if (count === 0) return
    this.#stats.named(tlsStatsPrefix(cluster)).counter('ssl_context_update_by_sds').value += count
  }
}

function tlsStatsPrefix({ name, altStatName }: Cluster): string {
  return `cluster.${altStatName || name}.client_ssl_socket_factory.`
}
