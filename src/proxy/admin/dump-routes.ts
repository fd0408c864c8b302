import type { JsonObject } from '@bufbuild/protobuf'
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { connectionManager, listenerPath } from '../listener/compile-listener.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import { entry } from './dump-json.ts'

/**
 * The route configurations that stand inside listeners, also of listeners that still wait. Envoy calls them static, whoever gave the
 * listener, and tells no version of them.
 */
export function routesOfListeners(config: ConfigManager, name: RegExp): JsonObject[] {
  return [...config.listeners.values()]
    .flatMap(({ active, warming }) => [active, warming])
    .flatMap((listener) => {
      if (listener === undefined) return []
      const { filterChains, defaultFilterChain } = listener.proto
      const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain]
      return chains.flatMap((chain) => {
        const routes = connectionManager(chain, listenerPath(listener.proto))?.routeSpecifier
        if (routes?.case !== 'routeConfig' || !name.test(routes.value.name)) return []
        const { updated } = listener
        return [entry('route_config', RouteConfigurationSchema, { proto: routes.value, version: '', updated })]
      })
    })
}
