import { gatewayApiServers } from '../gateway/gateway-api.ts'
import { type GatewayServer, istioServers } from '../gateway/server.ts'
import type { KindName } from '../kinds.ts'
import type { Mesh } from '../model/mesh.ts'
import type { Workload } from '../model/workload.ts'
import type { Config } from './config.ts'
import type { UsedFilters } from './filter-chain.ts'
import type { ChainTls } from './listener.ts'
import { type RoutedServer, routeConfig, routeConfigName, usedFilters } from './routes.ts'

/** One port that a gateway listens on, before extensions come into it. */
export interface GatewayPort {
  readonly bind: string
  readonly port: number
  readonly chains: readonly { readonly routeConfig: string; readonly tls: ChainTls | undefined }[]
  readonly used: UsedFilters
}

/** What the Gateways and routes of both APIs make of one proxy. */
export interface GatewayRouting {
  readonly ports: readonly GatewayPort[]
  readonly routes: readonly Config[]
  /** The Gateways (`namespace/name`) behind each route configuration. */
  readonly gatewaysOf: ReadonlyMap<string, readonly string[]>
  /** The SDS names that listeners ask for. */
  readonly secrets: readonly string[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
}

/** The kinds that it is computed from. */
export const ROUTING_KINDS: readonly KindName[] = [
  'namespace',
  'service',
  'istioGateway',
  'virtualService',
  'gatewayClass',
  'gateway',
  'httpRoute',
  'referenceGrant',
]

/** What a gateway listens on and where it routes to, by Istio's Gateways and those of the Gateway API together. */
export function gatewayRouting(mesh: Mesh, proxy: Workload): GatewayRouting {
  const servers: RoutedServer[] = [
    ...istioServers(mesh, proxy).map((server) => ({ server })),
    ...gatewayApiServers(mesh, proxy),
  ]
  const ports: GatewayPort[] = []
  const routes: Config[] = []
  const gatewaysOf = new Map<string, readonly string[]>()
  const problems: string[] = []
  for (const group of Map.groupBy(servers, ({ server }) => `${server.bind}:${server.listenPort}`).values()) {
    const { bind, listenPort, protocol } = group[0].server
    const taken = new Set<string>()
    const usable = group.filter(({ server }) => {
      const problem = problemOf(server, protocol) ?? takenHost(server, taken)
      if (problem !== undefined) problems.push(`Gateway ${server.gateway}, port ${server.port}: ${problem}`)
      return problem === undefined
    })
    if (usable.length === 0) continue
    const byRoute = Map.groupBy(usable, ({ server }) => routeConfigName(server))
    const configs = [...byRoute].map(([name, list]) => routeConfig(mesh, name, list))
    for (const [name, list] of byRoute)
      gatewaysOf.set(
        name,
        list.map(({ server }) => server.gateway),
      )
    const chains = [...byRoute].map(([name, [{ server }]]) => ({ routeConfig: name, tls: chainTls(server) }))
    ports.push({ bind, port: listenPort, chains, used: usedFilters(configs) })
    routes.push(...configs)
  }
  const tls = ports.flatMap(({ chains }) => chains.map((chain) => chain.tls)).filter((one) => one !== undefined)
  const secrets = tls.flatMap(({ secret, validation }) => (validation === undefined ? [secret] : [secret, validation]))
  return { ports, routes, gatewaysOf, secrets, problems }
}

function problemOf(server: GatewayServer, protocol: GatewayServer['protocol']): string | undefined {
  if (server.protocol !== protocol) return `the port is taken by a server that speaks ${protocol}`
  if (protocol === 'TCP' || protocol === 'TLS') return `protocol ${protocol} is not supported yet`
  if (protocol === 'HTTP') return undefined
  if (server.tls?.credentialName === undefined) return 'HTTPS needs tls.credentialName'
  const { mode } = server.tls
  return mode === 'SIMPLE' || mode === 'MUTUAL' ? undefined : `tls.mode ${mode} is not supported yet`
}

/** As istiod: of two servers of a port that ask for the same name, which Envoy would refuse the listener for, the first one stands. */
function takenHost({ protocol, hosts }: GatewayServer, taken: Set<string>): string | undefined {
  if (protocol !== 'HTTPS') return undefined
  const names = hosts.map(({ host }) => host.toLowerCase())
  const found = names.find((name) => taken.has(name))
  if (found !== undefined) return `the host ${found} is that of another server of the port`
  for (const name of names) taken.add(name)
  return undefined
}

function chainTls({ protocol, tls, hosts }: GatewayServer): ChainTls | undefined {
  if (protocol !== 'HTTPS') return undefined
  const secret = tls?.credentialName ?? ''
  const validation = tls?.mutual === true ? `${secret}-cacert` : undefined
  return { secret, validation, serverNames: [...new Set(hosts.map(({ host }) => host.toLowerCase()))] }
}
