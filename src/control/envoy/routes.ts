import type { KubeObject } from '../../kube/index.ts'
import type { ListenerState } from '../gateway/gateway-api.ts'
import { byCreation, type GatewayServer } from '../gateway/server.ts'
import { fqdn, intersectHosts } from '../model/hosts.ts'
import type { Mesh } from '../model/mesh.ts'
import { backendProblem } from './backends.ts'
import type { Config } from './config.ts'
import { byPrecedence, httpRouteRoutes, type RankedRoute } from './http-route.ts'
import { boundGateways, isCatchAll, virtualServiceRoutes } from './virtual-service.ts'

/** A server with the state of its listener when it comes from the Gateway API. */
export interface RoutedServer {
  readonly server: GatewayServer
  readonly state?: ListenerState
}

/** `http.8080`, or one of its own for each server that terminates TLS, as Istio names them. */
export function routeConfigName(server: GatewayServer): string {
  if (server.protocol === 'HTTP') return `http.${server.listenPort}`
  const [namespace, name] = server.gateway.split('/')
  return `https.${server.listenPort}.${server.portName}.${name}.${namespace}`
}

/** One RouteConfiguration for all servers that share its name. */
export function routeConfig(mesh: Mesh, name: string, servers: readonly RoutedServer[]): Config {
  const hosts = new Map<string, Config[]>()
  const ranked = new Map<string, RankedRoute[]>()
  const redirectTls = new Set<string>()
  for (const { server, state } of servers) {
    if (state !== undefined) addHttpRoutes(mesh, state, ranked)
    else addVirtualServices(mesh, server, hosts, redirectTls)
  }
  for (const [host, routes] of ranked) {
    const sorted = routes.toSorted(byPrecedence).map((route) => route.config)
    hosts.set(host, [...(hosts.get(host) ?? []), ...sorted])
  }
  const port = servers[0].server.listenPort
  const virtualHosts = [...hosts]
    .map(([host, routes]) => ({
      name: `${host}:${port}`,
      domains: [host],
      routes: catchAllsLast(routes),
      include_request_attempt_count: true,
      require_tls: redirectTls.has(host) ? 'ALL' : undefined,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    name,
    virtual_hosts: virtualHosts.length > 0 ? virtualHosts : [{ name: `blackhole:${port}`, domains: ['*'] }],
    validate_clusters: false,
    // A Host header with a port is for the same host.
    ignore_port_in_host_matching: true,
    // As Istio: what a VirtualService answers itself may have 1 MiB, of which Envoy would take 4 KiB.
    max_direct_response_body_size_bytes: 1024 * 1024,
  }
}

/** Routes that take everything go behind those of other VirtualServices of the same host. */
function catchAllsLast(routes: readonly Config[]): Config[] {
  return [...routes.filter((route) => !isCatchAll(route)), ...routes.filter(isCatchAll)]
}

function addVirtualServices(
  mesh: Mesh,
  server: GatewayServer,
  hosts: Map<string, Config[]>,
  redirectTls: Set<string>,
): void {
  for (const object of mesh
    .all('virtualService')
    .filter((one) => bound(one, server))
    .sort(byCreation)) {
    const { namespace = '' } = object.metadata
    const routes = virtualServiceRoutes(object, {
      namespace,
      clusterDomain: mesh.clusterDomain,
      service: (host) => mesh.services().get(host),
      serverPort: server.port,
      gateway: server.gateway,
    })
    for (const host of servedHosts(object, server, mesh.clusterDomain)) {
      hosts.set(host, [...(hosts.get(host) ?? []), ...routes])
    }
  }
  if (server.tls?.httpsRedirect !== true) return
  for (const { host } of server.hosts) {
    redirectTls.add(host)
    if (!hosts.has(host)) hosts.set(host, [])
  }
}

function bound(object: KubeObject, server: GatewayServer): boolean {
  return boundGateways(object).includes(server.gateway)
}

function servedHosts(object: KubeObject, server: GatewayServer, clusterDomain: string): string[] {
  const { namespace = '' } = object.metadata
  const exportTo: string[] = object['spec']?.exportTo ?? ['*']
  const served = new Set<string>()
  for (const written of object['spec']?.hosts ?? []) {
    const host = fqdn(written, namespace, clusterDomain)
    for (const own of server.hosts) {
      if (own.namespace !== '*' && own.namespace !== namespace) continue
      if (
        !exportTo.some((to) => to === '*' || to === server.namespace || (to === '.' && namespace === server.namespace))
      ) {
        continue
      }
      const common = intersectHosts(host, own.host)
      if (common !== undefined) served.add(common)
    }
  }
  return [...served]
}

function addHttpRoutes(mesh: Mesh, state: ListenerState, ranked: Map<string, RankedRoute[]>): void {
  for (const { route, hosts } of state.routes) {
    const routes = httpRouteRoutes(route, {
      clusterDomain: mesh.clusterDomain,
      checkBackend: (ref, namespace) => backendProblem(mesh, ref, namespace),
    })
    for (const host of hosts) ranked.set(host, [...(ranked.get(host) ?? []), ...routes])
  }
}

/** Which filters the routes of a configuration use. */
export function usedFilters(routeConfigs: readonly Config[]): { fault: boolean; cors: boolean } {
  const text = JSON.stringify(routeConfigs)
  return { fault: text.includes('"envoy.filters.http.fault"'), cors: text.includes('"envoy.filters.http.cors"') }
}
