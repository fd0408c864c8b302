import { gatewayListener, matchesListener } from '../model/attach.ts'
import type { Extension } from '../model/extension.ts'
import type { Mesh } from '../model/mesh.ts'
import { namespacesFor, orderByPhase } from '../model/order.ts'
import type { Workload } from '../model/workload.ts'
import type { Config } from './config.ts'
import { httpFilters, networkFilters } from './filter-chain.ts'
import type { GatewayPort } from './gateway-routing.ts'
import { httpListener } from './listener.ts'

/** The listeners of one gateway. */
export interface GatewayListeners {
  readonly listeners: readonly Config[]
  /** The extensions that stand in some listener. */
  readonly extensions: readonly Extension[]
}

/** Puts the extensions that are for this gateway into the chains of its listeners. */
export function gatewayListeners(mesh: Mesh, proxy: Workload, ports: readonly GatewayPort[]): GatewayListeners {
  const { rootNamespace } = mesh
  const usable = mesh.extensions().filter((extension) => extension.invalid === undefined)
  const byPhase = orderByPhase(usable, namespacesFor(proxy.namespace, rootNamespace))
  const used = new Set<Extension>()
  const listeners = ports.map(({ bind, port, chains, used: builtIns }) => {
    const belongs = (type: 'HTTP' | 'NETWORK') => (extension: Extension) => {
      const fits = matchesListener(extension, proxy, rootNamespace, gatewayListener(port), type)
      if (fits) used.add(extension)
      return fits
    }
    const http = httpFilters(byPhase, belongs('HTTP'), builtIns)
    const network = networkFilters(byPhase, belongs('NETWORK'))
    const whole = chains.map((chain) => ({ ...chain, httpFilters: http, networkFilters: network }))
    return httpListener(bind, port, whole)
  })
  return { listeners, extensions: [...used] }
}
