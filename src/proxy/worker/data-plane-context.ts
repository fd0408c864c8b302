import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { ClusterManager } from '../cluster/cluster-manager.ts'
import type { FactoryContext, HealthState, ListenerFacts } from '../context.ts'
import type { FilterRegistry } from '../filter-chain/registry.ts'
import type { HttpFilterRegistry } from '../http/filter-registry.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import type { NetworkFilterConfig } from '../network/filter.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import type { OwnedStats, StatsScope } from '../stats/scope.ts'
import type { SecretSource } from '../tls/secrets.ts'
import type { TicketSecret } from '../tls/ticket-secret.ts'
import type { ExtensionStore } from './extension-store.ts'
import type { RouteStore } from './route-store.ts'

/** What everything of one worker shares. The main thread has one as well, to try configs out without serving. */
export interface DataPlaneContext {
  readonly node: Node
  readonly log: Logger
  readonly workerIndex: number
  readonly stats: StatsScope
  /** Statistics that go with what is compiled. */
  ownStats(): OwnedStats
  readonly clusters: ClusterManager
  readonly secrets: SecretSource
  /** What all workers of the process make the keys of TLS session tickets from. */
  readonly ticketSecret: TicketSecret
  readonly health: HealthState
  /** Where the bootstrap limits connections or memory. */
  readonly overload: OverloadState | undefined
  readonly routes: RouteStore
  readonly extensions: ExtensionStore
  readonly httpFilters: HttpFilterRegistry
  readonly networkFilters: FilterRegistry<NetworkFilterConfig>
  /** Records Istio's request metrics of a finished stream. */
  readonly istioReport: ((info: StreamInfo) => void) | undefined
}

/** What the factory of one filter gets of it. */
export function factoryContext(
  context: DataPlaneContext,
  listener: ListenerFacts,
  filterName: string,
  statPrefix: string,
  prepared: unknown,
): FactoryContext {
  const { node, log, workerIndex, stats, clusters, health } = context
  return { node, log, workerIndex, stats, clusters, health, listener, filterName, statPrefix, prepared }
}
