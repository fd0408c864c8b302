import type { Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { fetchTimeoutMs } from '../config/fetch-timeout.ts'
import { endpointsName } from './dependencies.ts'

/** The clusters that there are. */
interface Clusters {
  /** All, in force or not yet. */
  protos(): readonly Cluster[]
  /** None waits for its secrets. */
  readonly isWarm: boolean
}

/**
 * Whether the first clusters can be used. As in Envoy (ClusterManagerInitHelper) no listener is asked for before: it would have no
 * endpoints for the requests that it takes. What does not come within `initial_fetch_timeout`, or is refused, is waited for no longer.
 */
export class FirstClusters {
  readonly #clusters: Clusters
  readonly #endpoints: ReadonlyMap<string, unknown>
  readonly #done: () => void
  /** By the cluster that waits for its endpoints. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #givenUp = new Set<string>()
  #all: NodeJS.Timeout | undefined
  #state: 'unasked' | 'asked' | 'answered' | 'over' = 'unasked'

  /** `done` is called once. */
  constructor(clusters: Clusters, endpoints: ReadonlyMap<string, unknown>, done: () => void) {
    this.#clusters = clusters
    this.#endpoints = endpoints
    this.#done = done
  }

  /** Clusters are asked for; 0: they are waited for for ever. */
  asked(timeoutMs: number): void {
    this.#state = 'asked'
    if (timeoutMs > 0) this.#all = setTimeout(() => this.answered(), timeoutMs).unref()
    this.look()
  }

  /** There was an answer, good or bad, or nobody waits for it. */
  answered(): void {
    clearTimeout(this.#all)
    if (this.#state === 'over') return
    this.#state = 'answered'
    this.look()
  }

  /** Envoy tells all who wait for endpoints that a response with some was refused (GrpcMuxImpl::onDiscoveryResponse). */
  endpointsRefused(): void {
    for (const [name, timer] of this.#timers) {
      clearTimeout(timer)
      this.#givenUp.add(name)
    }
    this.#timers.clear()
    this.look()
  }

  /** Something has come, or is waited for no longer. */
  look(): void {
    if (this.#state === 'unasked' || this.#state === 'over') return
    const waits = this.#clusters.protos().filter((cluster) => this.#waits(cluster))
    for (const cluster of waits) this.#arm(cluster)
    if (this.#state !== 'answered' || waits.length > 0 || !this.#clusters.isWarm) return
    this.close()
    this.#done()
  }

  close(): void {
    this.#state = 'over'
    clearTimeout(this.#all)
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #waits(cluster: Cluster): boolean {
    if (this.#givenUp.has(cluster.name)) return false
    return endpointsName(cluster).some((name) => !this.#endpoints.has(name))
  }

  #arm(cluster: Cluster): void {
    const { name, edsClusterConfig } = cluster
    if (this.#timers.has(name)) return
    const ms = fetchTimeoutMs(edsClusterConfig?.edsConfig)
    const giveUp = () => {
      this.#givenUp.add(name)
      this.look()
    }
    // For ever is as long as a timer can be; the entry says who waits.
    this.#timers.set(name, setTimeout(giveUp, ms === 0 ? FOR_EVER_MS : ms).unref())
  }
}

const FOR_EVER_MS = 2 ** 31 - 1
