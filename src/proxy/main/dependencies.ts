import { type Cluster, Cluster_DiscoveryType } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { ExtensionConfigSource } from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import type { FilterChain } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { oncePer } from '../../base/once-per.ts'
import { tlsContexts } from '../cluster/transport.ts'
import { messageName } from '../config/any.ts'
import { fetchTimeoutMs } from '../config/fetch-timeout.ts'
import { connectionManager, listenerPath, transportSocket } from '../listener/compile-listener.ts'
import { downstreamSecretNeeds, type SecretNeed, secretNeeds } from '../tls/secret-need.ts'

/** What has to be there before a listener may serve. */
export interface ListenerNeeds {
  readonly routes: ReadonlyMap<string, number>
  /** Extension configs without a default; by name, with how long to wait (0: for ever). */
  readonly extensions: ReadonlyMap<string, number>
  /** All extension configs, to be asked for; by name, with the types that each place allows. */
  readonly allExtensions: ReadonlyMap<string, readonly ReadonlySet<string>[]>
  /** One for each place that uses one. */
  readonly secrets: readonly SecretNeed[]
}

/** What this listener needs. All listeners are asked at each change of one, and the answer takes unpacking of their filters. */
export const listenerNeeds = oncePer((listener: Listener): ListenerNeeds => {
  const routes = new Map<string, number>()
  const extensions = new Map<string, number>()
  const allExtensions = new Map<string, ReadonlySet<string>[]>()
  const secrets: SecretNeed[] = []
  const path = listenerPath(listener)
  const discovered = (name: string, source: ExtensionConfigSource) => {
    const types = new Set(source.typeUrls.map(messageName))
    allExtensions.set(name, [...(allExtensions.get(name) ?? []), types])
    if (source.defaultConfig !== undefined && source.applyDefaultConfigWithoutWarming) return
    extensions.set(name, fetchTimeoutMs(source.configSource))
  }
  const chains = listener.filterChains.map((chain, i): [FilterChain, string] => [chain, `${path}.filter_chains[${i}]`])
  if (listener.defaultFilterChain !== undefined)
    chains.push([listener.defaultFilterChain, `${path}.default_filter_chain`])
  for (const [chain, where] of chains) {
    const socket = `${where}.transport_socket`
    secrets.push(...downstreamSecretNeeds(transportSocket(chain, socket), socket))
    for (const { name, configType } of chain.filters) {
      if (configType.case === 'configDiscovery') discovered(name, configType.value)
    }
    const manager = connectionManager(chain, where)
    if (manager === undefined) continue
    const upgrades = manager.upgradeConfigs.flatMap(({ filters }) => filters)
    for (const { name, configType } of [...manager.httpFilters, ...upgrades]) {
      if (configType.case === 'configDiscovery') discovered(name, configType.value)
    }
    if (manager.routeSpecifier.case === 'rds') {
      const { routeConfigName, configSource } = manager.routeSpecifier.value
      routes.set(routeConfigName, fetchTimeoutMs(configSource))
    }
  }
  return { routes, extensions, allExtensions, secrets }
})

/** One for each place of this cluster that uses one. */
export const clusterSecrets = oncePer((cluster: Cluster): readonly SecretNeed[] =>
  tlsContexts(cluster).flatMap(([{ commonTlsContext }, path]) =>
    secretNeeds(commonTlsContext, `${path}.common_tls_context`),
  ),
)

/** Under which name the endpoints of this cluster are asked for, where they come by EDS. */
export function endpointsName({ name, clusterDiscoveryType: discovery, edsClusterConfig }: Cluster): string[] {
  const eds = discovery.case === 'type' && discovery.value === Cluster_DiscoveryType.EDS
  return eds ? [edsClusterConfig?.serviceName || name] : []
}
