import { type Address, readyAddresses } from '../endpoints/slices.ts'
import type { Pod, Service } from '../types.ts'

/** Where the names that Pods call lead to. Plain data: it is posted to the thread of the proxy. */
export interface Routes {
  /** `namespace/service` to the ready addresses of each of its ports. */
  readonly services: Readonly<Record<string, Readonly<Record<number, readonly Address[]>>>>
  /** Cluster IP to `namespace/service`. */
  readonly clusterIPs: Readonly<Record<string, string>>
}

export function routesOf(services: readonly Service[], pods: readonly Pod[]): Routes {
  const routes = { services: {} as Record<string, Record<number, Address[]>>, clusterIPs: {} as Record<string, string> }
  for (const service of services) {
    if (service.spec.selector === undefined) continue
    const key = `${service.metadata.namespace}/${service.metadata.name}`
    const { clusterIP } = service.spec
    if (clusterIP !== undefined && clusterIP !== 'None') routes.clusterIPs[clusterIP] = key
    routes.services[key] = {}
    for (const { port } of service.spec.ports ?? []) routes.services[key][port] = readyAddresses(service, port, pods)
  }
  return routes
}

const CLUSTER_DOMAIN = 'cluster.local'

/**
 * The service that a host names for a client of `namespace`: `details`, `details.default`, `details.default.svc`,
 * `details.default.svc.cluster.local` (a Pod's resolv.conf search list), or its cluster IP. Undefined: not of the cluster.
 */
export function serviceOf(routes: Routes, host: string, namespace: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (Object.hasOwn(routes.clusterIPs, name)) return routes.clusterIPs[name]
  const [service, ns = namespace, ...rest] = name.split('.')
  const domain = rest.join('.')
  if (domain !== '' && domain !== 'svc' && domain !== `svc.${CLUSTER_DOMAIN}`) return undefined
  const key = `${ns}/${service}`
  return Object.hasOwn(routes.services, key) ? key : undefined
}
