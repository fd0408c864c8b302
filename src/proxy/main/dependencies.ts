import type { Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { ExtensionConfigSource } from '../../../gen/envoy/config/core/v3/config_source_pb.ts'
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { tlsContexts } from '../cluster/transport.ts'
import { durationMs } from '../config/fields.ts'
import { connectionManager, listenerPath, transportSocket } from '../listener/compile-listener.ts'
import { downstreamSecretNames, secretNames } from '../tls/secrets.ts'

/** What has to be there before a listener may serve. */
export interface ListenerNeeds {
  readonly routes: ReadonlyMap<string, number>
  /** Extension configs without a default; by name, with how long to wait (0: for ever). */
  readonly extensions: ReadonlyMap<string, number>
  /** All extension configs, to be asked for. */
  readonly allExtensions: ReadonlySet<string>
  readonly secrets: ReadonlySet<string>
}

/** Envoy's default `initial_fetch_timeout`. */
const FETCH_TIMEOUT_MS = 15_000

export function listenerNeeds(listener: Listener): ListenerNeeds {
  const routes = new Map<string, number>()
  const extensions = new Map<string, number>()
  const allExtensions = new Set<string>()
  const secrets = new Set<string>()
  const path = listenerPath(listener)
  const discovered = (name: string, source: ExtensionConfigSource) => {
    allExtensions.add(name)
    if (source.defaultConfig !== undefined && source.applyDefaultConfigWithoutWarming) return
    extensions.set(name, durationMs(source.configSource?.initialFetchTimeout, FETCH_TIMEOUT_MS))
  }
  const chains = [...listener.filterChains]
  if (listener.defaultFilterChain !== undefined) chains.push(listener.defaultFilterChain)
  for (const chain of chains) {
    for (const name of downstreamSecretNames(transportSocket(chain, path))) secrets.add(name)
    for (const { name, configType } of chain.filters) {
      if (configType.case === 'configDiscovery') discovered(name, configType.value)
    }
    const manager = connectionManager(chain, path)
    if (manager === undefined) continue
    for (const { name, configType } of manager.httpFilters) {
      if (configType.case === 'configDiscovery') discovered(name, configType.value)
    }
    if (manager.routeSpecifier.case === 'rds') {
      const { routeConfigName, configSource } = manager.routeSpecifier.value
      routes.set(routeConfigName, durationMs(configSource?.initialFetchTimeout, FETCH_TIMEOUT_MS))
    }
  }
  return { routes, extensions, allExtensions, secrets }
}

export function clusterSecrets(cluster: Cluster): string[] {
  return tlsContexts(cluster).flatMap(({ commonTlsContext }) => secretNames(commonTlsContext))
}
