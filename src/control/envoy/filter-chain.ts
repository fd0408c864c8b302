import type { Extension } from '../model/extension.ts'
import type { ByPhase } from '../model/order.ts'
import type { Config } from './config.ts'
import { filterEntry } from './extension-config.ts'

const TYPE = 'type.googleapis.com/envoy.extensions.filters'

/** Which of the built-in filters some route of the listener uses. */
export interface UsedFilters {
  readonly fault: boolean
  readonly cors: boolean
}

function builtIn(name: string, message: string): Config {
  return { name: `envoy.filters.http.${name}`, typed_config: { '@type': `${TYPE}.http.${name}.v3.${message}` } }
}

function entries(extensions: readonly Extension[], use: (extension: Extension) => boolean): Config[] {
  return extensions.filter(use).map(filterEntry)
}

/**
 * The HTTP filters of a gateway or sidecar listener in the order of the request path. Extensions without a phase stand right before
 * the router, as the API's documentation says; Istio's code puts them behind STATS, before fault and CORS.
 */
export function httpFilters(byPhase: ByPhase, use: (extension: Extension) => boolean, used: UsedFilters): Config[] {
  return [
    ...entries(byPhase.AUTHN, use),
    ...entries(byPhase.AUTHZ, use),
    ...entries(byPhase.STATS, use),
    ...(used.fault ? [builtIn('fault', 'HTTPFault')] : []),
    ...(used.cors ? [builtIn('cors', 'Cors')] : []),
    ...entries(byPhase.UNSPECIFIED, use),
    builtIn('router', 'Router'),
  ]
}

/** The network extensions of a chain; what ends the chain (HTTP connection manager, TCP proxy) follows them. */
export function networkFilters(byPhase: ByPhase, use: (extension: Extension) => boolean): Config[] {
  return [
    ...entries(byPhase.AUTHN, use),
    ...entries(byPhase.AUTHZ, use),
    ...entries(byPhase.STATS, use),
    ...entries(byPhase.UNSPECIFIED, use),
  ]
}
