import type { Node } from '../../gen/envoy/config/core/v3/base_pb.ts'
import type { Logger } from '../telemetry/log.ts'
import type { AsyncClient } from './cluster/async-client.ts'
import type { StatsScope } from './stats/scope.ts'

/** What a filter factory's `prepare` finds on the main thread. */
export interface PrepareContext {
  readonly node: Node
  readonly log: Logger
  /** `http.<stat_prefix>.` of the connection manager; for what is delivered alone (ECDS), its name. */
  readonly statPrefix: string
  /** Memory in which the threads count together, one for all who know this name; `undefined` where there is one thread. */
  countMemory(name: string): SharedArrayBuffer | undefined
}

/** Which traffic the listener takes, as Envoy numbers it. */
export type TrafficDirection = 0 | 1 | 2

/** Whether the proxy has been told to fail its health checks (`/healthcheck/fail`). */
export interface HealthState {
  failed: boolean
}

/** What a filter factory finds in a worker (and in the trial run of a config on the main thread). */
export interface FactoryContext {
  readonly node: Node
  readonly log: Logger
  /** 0, 1, … for the workers; -1 in the trial run on the main thread. */
  readonly workerIndex: number
  /** Envoy's names: `cluster.<name>.upstream_rq_total` and so on below the scope's prefix. */
  readonly stats: StatsScope
  readonly clusters: AsyncClient
  readonly health: HealthState
  readonly listener: ListenerFacts
  /** What `prepare` returned; of a route's config the `SharedCells` of its route configuration. */
  readonly prepared: unknown
  /** The filter's name in its chain. */
  readonly filterName: string
  /** `http.<stat_prefix>.` of the connection manager, or '' outside of one. */
  readonly statPrefix: string
}

/** For what stands outside of listeners. */
export const NO_LISTENER: ListenerFacts = { name: '', direction: 0, metadata: {}, statPrefix: '' }

/** What filters may ask of the listener that they stand in. */
export interface ListenerFacts {
  readonly name: string
  readonly direction: TrafficDirection
  /** `filter_metadata` of the listener by namespace, as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** `listener.<address>.` */
  readonly statPrefix: string
}
