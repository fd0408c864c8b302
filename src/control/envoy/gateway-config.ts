import { gatewayApiServers } from '../gateway/gateway-api.ts'
import { type GatewayServer, istioServers } from '../gateway/server.ts'
import { gatewayListener, matchesListener } from '../model/attach.ts'
import type { Extension } from '../model/extension.ts'
import type { Mesh } from '../model/mesh.ts'
import { type ByPhase, namespacesFor, orderByPhase } from '../model/order.ts'
import type { Workload } from '../model/workload.ts'
import type { Config } from './config.ts'
import { httpFilters, networkFilters } from './filter-chain.ts'
import { type ChainTls, type HttpChain, httpListener } from './listener.ts'
import { type RoutedServer, routeConfig, routeConfigName, usedFilters } from './routes.ts'

/** What a gateway proxy gets, before packing. */
export interface GatewayConfig {
  readonly listeners: readonly Config[]
  readonly routes: readonly Config[]
  /** The Gateways (`namespace/name`) behind each route configuration. */
  readonly gatewaysOf: ReadonlyMap<string, readonly string[]>
  /** The extensions that stand in some listener. */
  readonly extensions: readonly Extension[]
  /** The SDS names that listeners ask for. */
  readonly secrets: readonly string[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
}

/** Builds the listeners and routes of a gateway from the Gateways of both APIs that are for it. */
export function gatewayConfig(mesh: Mesh, proxy: Workload): GatewayConfig {
  const build = new Build(mesh, proxy)
  const servers: RoutedServer[] = [
    ...istioServers(mesh, proxy).map((server) => ({ server })),
    ...gatewayApiServers(mesh, proxy),
  ]
  const byPort = Map.groupBy(servers, ({ server }) => `${server.bind}:${server.listenPort}`)
  for (const group of byPort.values()) build.listener(group)
  return build
}

class Build implements GatewayConfig {
  readonly listeners: Config[] = []
  readonly routes: Config[] = []
  readonly secrets: string[] = []
  readonly problems: string[] = []
  readonly gatewaysOf = new Map<string, readonly string[]>()
  readonly #mesh: Mesh
  readonly #proxy: Workload
  readonly #byPhase: ByPhase
  readonly #used = new Set<Extension>()

  constructor(mesh: Mesh, proxy: Workload) {
    this.#mesh = mesh
    this.#proxy = proxy
    const usable = mesh.extensions().filter((extension) => extension.invalid === undefined)
    this.#byPhase = orderByPhase(usable, namespacesFor(proxy.namespace, mesh.rootNamespace))
  }

  get extensions(): readonly Extension[] {
    return [...this.#used]
  }

  listener(group: readonly RoutedServer[]): void {
    const { bind, listenPort, protocol } = group[0].server
    const same = group.filter(({ server }) => this.#usable(server, protocol))
    if (same.length === 0) return
    const byRoute = Map.groupBy(same, ({ server }) => routeConfigName(server))
    const routes = [...byRoute].map(([name, servers]) => {
      this.gatewaysOf.set(
        name,
        servers.map(({ server }) => server.gateway),
      )
      return routeConfig(this.#mesh, name, servers)
    })
    const used = usedFilters(routes)
    const chains: HttpChain[] = [...byRoute].map(([name, servers]) => ({
      routeConfig: name,
      httpFilters: httpFilters(this.#byPhase, (extension) => this.#belongs(extension, listenPort, 'HTTP'), used),
      networkFilters: networkFilters(this.#byPhase, (extension) => this.#belongs(extension, listenPort, 'NETWORK')),
      tls: protocol === 'HTTPS' ? this.#tls(servers[0].server) : undefined,
    }))
    this.routes.push(...routes)
    this.listeners.push(httpListener(bind, listenPort, chains))
  }

  #belongs(extension: Extension, port: number, chain: 'HTTP' | 'NETWORK'): boolean {
    const { rootNamespace } = this.#mesh
    const belongs = matchesListener(extension, this.#proxy, rootNamespace, gatewayListener(port), chain)
    if (belongs) this.#used.add(extension)
    return belongs
  }

  #usable(server: GatewayServer, protocol: GatewayServer['protocol']): boolean {
    const problem = this.#problem(server, protocol)
    if (problem !== undefined) this.problems.push(`Gateway ${server.gateway}, port ${server.port}: ${problem}`)
    return problem === undefined
  }

  #problem(server: GatewayServer, protocol: GatewayServer['protocol']): string | undefined {
    if (server.protocol !== protocol) return `the port is taken by a server that speaks ${protocol}`
    if (server.protocol === 'TCP' || server.protocol === 'TLS')
      return `protocol ${server.protocol} is not supported yet`
    if (server.protocol === 'HTTP') return undefined
    if (server.tls?.credentialName === undefined) return 'HTTPS needs tls.credentialName'
    const { mode } = server.tls
    return mode === 'SIMPLE' || mode === 'MUTUAL' ? undefined : `tls.mode ${mode} is not supported yet`
  }

  #tls(server: GatewayServer): ChainTls {
    const secret = server.tls?.credentialName ?? ''
    const validation = server.tls?.mutual === true ? `${secret}-cacert` : undefined
    this.secrets.push(secret, ...(validation === undefined ? [] : [validation]))
    return { secret, validation, serverNames: server.hosts.map(({ host }) => host) }
  }
}
